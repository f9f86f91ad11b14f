#include "spec/registry_key.h"

#include <fmt/format.h>

#include "base/text.h"
#include "oci/reference.h"

namespace ocisync {
namespace {

constexpr std::string_view kWildcard = "*.";

bool is_wildcard(std::string_view host) { return host.starts_with(kWildcard); }

// host[:port] in the one spelling that two names of the same server share; `default_port` stands
// where none does.
std::string with_port(std::string_view host, std::string_view default_port) {
  const bool wildcard = is_wildcard(host);
  const std::string_view name = wildcard ? host.substr(kWildcard.size()) : host;
  std::string same = canonical_registry(name).value_or(lower(name));
  const std::size_t colon = same.rfind(':');
  const bool has_port = colon != std::string::npos && same.find(']', colon) == std::string::npos;
  if (!has_port)
    same += fmt::format(":{}", default_port);
  return wildcard ? fmt::format("{}{}", kWildcard, same) : same;
}

bool is_loopback(std::string_view host) {
  const std::string_view name = host.starts_with('[') ? host : host.substr(0, host.find(':'));
  return name == "localhost" || name.starts_with("127.") || name.starts_with("[::1]");
}

std::string_view default_port(const RegistrySpec& registry) {
  return registry.plain_http.value_or(is_loopback(registry.host)) ? "80" : "443";
}

// A wildcard stands for exactly one label, as in a certificate: its credentials go no further.
bool governs_host(const RegistrySpec& registry, const Reference& reference) {
  const std::string mine = with_port(registry.host, default_port(registry));
  const std::string asked = with_port(reference.registry(), default_port(registry));
  if (!is_wildcard(mine))
    return mine == asked;
  const std::size_t dot = asked.find('.');
  return dot != std::string::npos && asked.substr(dot) == mine.substr(1);
}

bool governs_path(const RegistrySpec& registry, const Reference& reference) {
  const std::string& prefix = registry.path_prefix;
  const std::string& repository = reference.repository();
  return prefix.empty() || repository == prefix || repository.starts_with(prefix + "/");
}

bool is_better(const RegistrySpec& candidate, const RegistrySpec& best) {
  if (is_wildcard(candidate.host) != is_wildcard(best.host))
    return is_wildcard(best.host);
  return candidate.path_prefix.size() > best.path_prefix.size();
}

}  // namespace

std::optional<RegistryKey> parse_registry_key(std::string_view text) {
  const std::size_t slash = text.find('/');
  const std::string_view host = text.substr(0, slash);
  RegistryKey key{lower(host), {}};
  if (slash != std::string_view::npos)
    key.path_prefix = text.substr(slash + 1);
  const std::string_view name = is_wildcard(host) ? host.substr(kWildcard.size()) : host;
  const bool names_an_address = is_wildcard(host) && name.starts_with('[');
  if (!valid_registry(name) || names_an_address)
    return std::nullopt;
  if (slash != std::string_view::npos && !valid_repository(key.path_prefix))
    return std::nullopt;
  return key;
}

std::string registry_identity(const RegistrySpec& registry) {
  return fmt::format("{}/{}", with_port(registry.host, default_port(registry)),
                     registry.path_prefix);
}

bool allows_plain_http(const Spec& spec, const Reference& reference) {
  const RegistrySpec* registry = find_registry(spec, reference);
  return registry && registry->plain_http ? *registry->plain_http
                                          : is_loopback(reference.registry());
}

const RegistrySpec* find_registry(const Spec& spec, const Reference& reference) {
  const RegistrySpec* best = nullptr;
  for (const RegistrySpec& registry : spec.registries)
    if (governs_host(registry, reference) && governs_path(registry, reference))
      if (best == nullptr || is_better(registry, *best))
        best = &registry;
  return best;
}

}  // namespace ocisync
