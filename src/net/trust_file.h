#pragma once

#include <string>

#include "base/environment.h"

namespace ocisync {

// The file of trust anchors that this system keeps: SSL_CERT_FILE, else the first that can be read
// of the places where distributions put it. Empty when there is none.
std::string find_trust_file(const Environment& environment);

}  // namespace ocisync
