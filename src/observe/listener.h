#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/handle.h"

namespace ocisync {

// A socket that listens, not blocking.
struct Listener {
  Fd fd;
  std::string address;  // as bound, with the port that was had: "[::]:9786", "127.0.0.1:20000"
  std::uint16_t port = 0;
};

// `listen` is host:port with an address, "localhost" or nothing as host; nothing is "[::]", which
// takes IPv4 too and becomes 0.0.0.0 where the machine has no IPv6. Error(usage_invalid) names the
// address and what is wrong with it: malformed, busy, not ours.
Listener listen_on(std::string_view listen);

}  // namespace ocisync
