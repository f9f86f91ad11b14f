#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/environment.h"
#include "registry/credentials.h"

namespace ocisync {

// Asks docker-credential-<suffix> for a host (Docker's helper protocol). Absent: it knows none.
// Throws Error(credentials_invalid) when there is no such program or it fails, and (timed_out)
// after 30 s; what it printed is repeated only when it is a message, never when it could be a
// secret. Blocks; safe from any thread.
std::optional<Credential> ask_helper(const std::string& suffix, std::string_view host,
                                     const Environment& environment);

}  // namespace ocisync
