#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/environment.h"
#include "net/url.h"

namespace ocisync {

// The proxy that HTTP_PROXY, HTTPS_PROXY and NO_PROXY (either case) ask for, by the rules of Go's
// httpproxy: loopback never goes through one; "host", ".domain", "host:port", CIDR and "*" in
// NO_PROXY. Absent: none.
std::optional<std::string> environment_proxy(const Url& url, const Environment& environment);

// Whether an address literal, or what a name resolved to, is reachable from inside only: loopback,
// private, link-local, carrier-grade NAT, unspecified, multicast, and IPv6 forms of the same.
bool is_internal_address(std::string_view numeric);

// "localhost", a name below it, 127.0.0.0/8 or ::1.
bool is_loopback_host(std::string_view host);

}  // namespace ocisync
