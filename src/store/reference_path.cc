#include "store/reference_path.h"

#include <algorithm>
#include <vector>

#include <arpa/inet.h>
#include <fmt/format.h>

#include "base/error.h"
#include "base/text.h"

namespace ocisync {
namespace {

constexpr std::string_view kClassic = "=index";

bool is_kind(std::string_view component) { return component == "tags" || component == "digests"; }

std::string host_folder(std::string registry) {
  std::erase_if(registry, [](char c) { return c == '[' || c == ']'; });
  std::replace(registry.begin(), registry.end(), ':', '_');
  return registry;
}

bool is_ipv6(const std::string& text) {
  in6_addr address{};
  return ::inet_pton(AF_INET6, text.c_str(), &address) == 1;
}

std::string registry_of_folder(std::string_view folder) {
  std::string text(folder);
  const auto colons = std::count(text.begin(), text.end(), '_');
  std::replace(text.begin(), text.end(), '_', ':');
  if (colons < 2)
    return text;
  const std::size_t last = text.rfind(':');
  const std::string address = text.substr(0, last);
  return is_ipv6(address) ? fmt::format("[{}]{}", address, text.substr(last))
                          : fmt::format("[{}]", text);
}

std::string leaf_text(std::string_view kind, std::string_view leaf) {
  if (kind == "tags")
    return ":" + std::string(leaf);
  std::string digest(leaf);
  const std::size_t dash = digest.find('-');
  if (dash != std::string::npos)
    digest[dash] = ':';
  return "@" + digest;
}

std::optional<Reference> parsed(const std::string& text) {
  try {
    return Reference::parse(text);
  } catch (const Error&) {
    return std::nullopt;
  }
}

}  // namespace

std::string repository_path(const Reference& reference, ReferenceSource source) {
  std::string path = host_folder(reference.registry());
  if (source == ReferenceSource::classic)
    path += fmt::format("/{}", kClassic);
  for (const std::string_view component : split(reference.repository(), '/'))
    path += fmt::format("/{}{}", is_kind(component) ? "=" : "", component);
  return path;
}

std::string reference_path(const Reference& reference, ReferenceSource source) {
  const std::string repository = repository_path(reference, source);
  if (const auto& digest = reference.digest())
    return fmt::format("{}/digests/{}-{}", repository, digest->algorithm_name(), digest->hex());
  if (const auto& tag = reference.tag())
    return fmt::format("{}/tags/{}", repository, *tag);
  throw Error(Reason::internal, reference.str() + " has neither tag nor digest to be cached under");
}

std::optional<PlacedReference> reference_meant_at(std::string_view path) {
  const std::vector<std::string_view> parts = split(path, '/');
  if (parts.size() < 4 || !is_kind(parts[parts.size() - 2]))
    return std::nullopt;
  const auto source = parts[1] == kClassic ? ReferenceSource::classic : ReferenceSource::registry;
  std::string text = registry_of_folder(parts[0]);
  for (std::size_t i = source == ReferenceSource::classic ? 2 : 1; i + 2 < parts.size(); ++i)
    text += fmt::format("/{}", parts[i].substr(parts[i].starts_with('=') ? 1 : 0));
  text += leaf_text(parts[parts.size() - 2], parts.back());
  const auto reference = parsed(text);
  if (!reference || (!reference->tag() && !reference->digest()))
    return std::nullopt;
  return PlacedReference{*reference, source};
}

std::optional<PlacedReference> reference_at(std::string_view path) {
  auto meant = reference_meant_at(path);
  // Whatever we would not have put there, we do not claim to understand.
  if (meant && reference_path(meant->reference, meant->source) != path)
    return std::nullopt;
  return meant;
}

}  // namespace ocisync
