#pragma once

#include <stop_token>
#include <string>

#include "base/secret.h"

namespace ocisync {

// What a person or a pipe says on standard input. All wait for it; they throw Error(cancelled) when
// `stop` is requested meanwhile, and leave a terminal as they found it whatever happens.

bool input_is_terminal();

// Asks on stderr and reads one line.
std::string ask(const std::string& question, std::stop_token stop);
// The same without echo.
Secret ask_secret(const std::string& question, std::stop_token stop);

// All there is, without one line break at its end. Throws Error(usage_invalid) above 64 KiB.
Secret read_secret(std::stop_token stop);

}  // namespace ocisync
