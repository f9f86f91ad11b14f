#pragma once

#include <string>

#include "base/json.h"

namespace ocisync {

// A JSON document as YAML in block style: keys sorted, lists level with their key, texts quoted
// where some reader could take them for something else. Ends with a newline.
std::string yaml_text(const Json& value);

}  // namespace ocisync
