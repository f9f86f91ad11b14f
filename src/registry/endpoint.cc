#include "registry/endpoint.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "base/error.h"
#include "net/proxy_rules.h"

namespace ocisync {
namespace {

// The loopback names that speak plain HTTP unless told otherwise; names below localhost do not.
bool plain_by_default(const std::string& host) {
  return is_loopback_host(host) && !host.ends_with(".localhost");
}

// Names that no public DNS answers for.
bool is_private_name(std::string_view host) {
  constexpr auto kSuffixes = std::to_array<std::string_view>(
      {".svc", ".cluster.local", ".local", ".internal", ".lan", ".home.arpa", ".localdomain"});
  const bool literal = host.starts_with('[');
  return (!literal && host.find('.') == std::string_view::npos) ||
         std::any_of(kSuffixes.begin(), kSuffixes.end(),
                     [&](std::string_view suffix) { return host.ends_with(suffix); });
}

AddressPolicy policy_for(const RegistrySpec* registry, const std::string& host, bool plain_http) {
  const auto choice = registry ? registry->allow_private_redirects : PrivateRedirects::automatic;
  switch (choice) {
    case PrivateRedirects::allow:
      return AddressPolicy::any;
    case PrivateRedirects::refuse:
      return AddressPolicy::public_only;
    case PrivateRedirects::automatic:
      break;
  }
  const bool internal =
      plain_http || is_loopback_host(host) || is_internal_address(host) || is_private_name(host);
  return internal ? AddressPolicy::any : AddressPolicy::public_only;
}

// Docker Hub answers under another name than the one it is known by.
std::string api_host(const std::string& registry) {
  return registry == "docker.io" ? "registry-1.docker.io" : registry;
}

Url base_url(const std::string& registry, bool plain_http) {
  std::string why;
  auto url =
      Url::parse(fmt::format("{}://{}/", plain_http ? "http" : "https", api_host(registry)), &why);
  if (!url)
    throw Error(Reason::reference_invalid, fmt::format("the registry {}: {}", registry, why));
  return *std::move(url);
}

std::optional<Endpoint> mirror_endpoint(const Spec& spec, const MirrorSpec& mirror,
                                        const Reference& reference) {
  const std::string prefix = mirror.path_prefix.empty() ? "" : mirror.path_prefix + "/";
  try {
    return Endpoint(spec, Reference::parse(mirror.host + "/" + prefix + reference.repository()),
                    reference.registry());
  } catch (const Error&) {
    return std::nullopt;  // together they are no legal name: then the mirror cannot have it
  }
}

}  // namespace

Endpoint::Endpoint(const Spec& spec, Reference repository, std::string mirrored_registry)
    : reference(std::move(repository)),
      registry(find_registry(spec, reference)),
      base(base_url(reference.registry(), registry && registry->plain_http
                                              ? *registry->plain_http
                                              : plain_by_default(reference.host()))),
      plain_http(base.origin().scheme == "http"),
      mirrored(std::move(mirrored_registry)),
      elsewhere(policy_for(registry, reference.host(), plain_http)),
      front_door(base.with_path("/v2/")) {}

Endpoint::Endpoint(const Spec& spec, Reference chart, const Url& repository)
    : reference(std::move(chart)),
      registry(find_registry(spec, reference)),
      base(repository.with_path("/")),
      plain_http(base.origin().scheme == "http"),
      elsewhere(policy_for(registry, reference.host(), plain_http)) {}

Url Endpoint::url(std::string_view kind, std::string_view name) const {
  const Url plain = base.with_path(fmt::format("/v2/{}/{}/{}", reference.repository(), kind, name));
  return mirrored.empty() ? plain : plain.with_query("ns", mirrored);
}

Reference somewhere_on(const std::string& registry) {
  return Reference::parse(registry + "/any/any");
}

std::vector<Endpoint> endpoints(const Spec& spec, const Reference& reference, Lookup lookup) {
  std::vector<Endpoint> result;
  Endpoint registry(spec, reference);
  if (registry.registry)
    for (const MirrorSpec& mirror : registry.registry->mirrors)
      if (mirror.resolve || lookup == Lookup::by_digest)
        if (auto endpoint = mirror_endpoint(spec, mirror, reference))
          result.push_back(*std::move(endpoint));
  result.push_back(std::move(registry));
  return result;
}

}  // namespace ocisync
