#pragma once

#include <optional>
#include <stop_token>
#include <string>
#include <string_view>

#include "base/environment.h"
#include "registry/credentials.h"

namespace ocisync {

// Docker's helper protocol: the programs docker-credential-<suffix>, run without a shell. All throw
// Error(credentials_invalid) when there is no such program or it fails, (timed_out) after 30 s and
// (cancelled) when asked to stop; what it printed is repeated only when it is a message, never when
// it could be a secret. They block; safe from any thread.

std::string helper_program(const std::string& suffix);  // its name, for messages

std::optional<Credential> ask_helper(const std::string& suffix, std::string_view host,
                                     const Environment& environment,
                                     const std::stop_token& stop);  // absent: it knows none
void store_with_helper(const std::string& suffix, std::string_view host,
                       const Credential& credential, const Environment& environment);
bool erase_with_helper(const std::string& suffix, std::string_view host,
                       const Environment& environment);  // false: it knew none

}  // namespace ocisync
