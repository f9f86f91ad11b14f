#include "registry/realm.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "base/error.h"
#include "base/text.h"
#include "registry/redirect.h"

namespace ocisync {
namespace {

constexpr std::size_t kMaxRealm = 2048;

struct Partners {
  std::string_view registry;
  std::string_view token_service;
};

constexpr auto kPartners = std::to_array<Partners>({
    {"registry-1.docker.io", "auth.docker.io"},
    {"registry.gitlab.com", "gitlab.com"},
});

bool are_partners(const Origin& registry, const Origin& realm) {
  return std::any_of(kPartners.begin(), kPartners.end(), [&](const Partners& pair) {
    return registry.scheme == "https" && realm.scheme == "https" &&
           pair.registry == registry.host && pair.token_service == realm.host;
  });
}

bool is_trusted(const AuthContext& context, const Origin& realm) {
  return std::any_of(context.trusted_realms.begin(), context.trusted_realms.end(),
                     [&](const std::string& entry) {
                       return equal_ignoring_case(entry, realm.host) ||
                              equal_ignoring_case(entry, realm.authority());
                     });
}

Url parse_realm(std::string_view text, const AuthContext& context) {
  const std::string registry = context.origin.authority();
  std::string why = "it is too long";
  auto url = text.size() > kMaxRealm ? std::nullopt : Url::parse(text, &why);
  if (!url)
    throw Error(Reason::policy_refused,
                fmt::format("{} names a token service that cannot be asked: {}", registry, why));
  const bool plain_allowed = context.plain_http && url->origin().host == context.origin.host;
  if (url->origin().scheme == "http" && !plain_allowed)
    throw Error(Reason::policy_refused, fmt::format("{} names a token service over plain http: {}",
                                                    registry, url->origin().str()));
  return *std::move(url);
}

}  // namespace

Realm check_realm(std::string_view text, const AuthContext& context) {
  Url url = parse_realm(text, context);
  const Origin& origin = url.origin();
  if (origin == context.origin)
    return {url, AddressPolicy::any, context.route};
  const bool trusted = origin.host == context.origin.host || are_partners(context.origin, origin) ||
                       is_trusted(context, origin);
  const bool secret = context.credential.kind != Credential::Kind::anonymous;
  if (secret && !trusted)
    throw Error(Reason::policy_refused,
                fmt::format("{} wants its credentials sent to another host, {}",
                            context.origin.authority(), origin.authority()))
        .hint(fmt::format("if that is right, list it in this registry's entry: trustedRealms: [{}]",
                          origin.authority()));
  if (!context.route_elsewhere)
    throw Error(Reason::policy_refused, "no way to the token service " + origin.authority());
  const AddressPolicy addresses = trusted ? AddressPolicy::any : context.realm_addresses;
  check_address(url, addresses, context.origin.authority());
  return {url, addresses, context.route_elsewhere(url)};
}

}  // namespace ocisync
