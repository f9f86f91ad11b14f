#pragma once

#include <string>

#include "base/json.h"

namespace ocisync {

// A scalar or a list of scalars as a person would write it in a spec file, on one line. Texts are
// quoted where any reader could take them for something else.
std::string as_yaml(const Json& value);

}  // namespace ocisync
