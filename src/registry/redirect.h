#pragma once

#include <memory>
#include <string_view>

#include "net/http.h"
#include "registry/endpoint.h"

namespace ocisync {

inline constexpr int kMaxRedirects = 5;

bool is_redirect(int status);  // 301, 302, 303, 307, 308

// Where an answer's Location sends a request that came from the registry `endpoint`; `act` is what
// the registry does by it, for errors. Throws
// Error(protocol_violation) without a usable Location, and (policy_refused) for a scheme, a host or
// an address that a registry may not send us to. User names in a Location are refused.
Url redirect_target(const HttpResponse& response, const Url& from, const Endpoint& endpoint,
                    std::string_view act = "redirects");

// Which addresses a server may have that a registry named in a redirect or as its token service.
// Throws Error(policy_refused) when the URL itself names an internal one and that is not allowed.
void check_address(const Url& url, AddressPolicy policy, std::string_view who);

}  // namespace ocisync
