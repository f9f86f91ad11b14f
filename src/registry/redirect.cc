#include "registry/redirect.h"

#include <fmt/format.h>

#include "base/error.h"
#include "base/text.h"
#include "net/proxy_rules.h"

namespace ocisync {

bool is_redirect(int status) {
  return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

void check_address(const Url& url, AddressPolicy policy, std::string_view who) {
  const std::string& host = url.origin().host;
  const bool internal = is_internal_address(host) || is_loopback_host(host);
  if (policy == AddressPolicy::public_only && internal)
    throw Error(Reason::policy_refused,
                fmt::format("{} sent us to the internal address {}", who, host))
        .hint("set allowPrivateRedirects: true for this registry if that is right");
}

Url redirect_target(const HttpResponse& response, const Url& from, const Endpoint& endpoint,
                    std::string_view act) {
  const std::string who = from.origin().authority();
  const std::string* location = response.headers().find("Location");
  if (!location)
    throw Error(Reason::protocol_violation,
                fmt::format("{} answered {} without a Location", who, response.status()));
  std::string why;
  auto target = from.resolve(trim(*location), &why);
  if (!target)
    throw Error(Reason::policy_refused,
                fmt::format("{} {} to a URL that is not followed: {}", who, act, why));
  if (target->origin().scheme == "http" && !endpoint.plain_http)
    throw Error(Reason::policy_refused, fmt::format("{} {} from https to plain http at {}", who,
                                                    act, target->origin().authority()))
        .hint("a proxy in front of the registry may need X-Forwarded-Proto");
  if (target->origin() != endpoint.base.origin())
    check_address(*target, endpoint.elsewhere, who);
  return *std::move(target);
}

}  // namespace ocisync
