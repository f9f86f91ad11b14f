#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "spec/spec.h"

namespace ocisync {

inline constexpr const char* kRegistryKeyGrammar =
    "host[:port][/path], or \"*.example.com\" with the star as the whole first label; no scheme";

// What a registry's entry is found by: "registry.example.com:5000/team-a" in its parts.
struct RegistryKey {
  std::string host;         // host[:port], lower case; the first label may be "*"
  std::string path_prefix;  // without slashes at its ends; may be empty
};

// Absent: not such a key.
std::optional<RegistryKey> parse_registry_key(std::string_view text);

// Equal for entries that govern the same references: names of Docker Hub are one, the port is
// always there.
std::string registry_identity(const RegistrySpec& registry);

// Whether this may be asked for in the clear: its entry says so, else for loopback names only.
bool allows_plain_http(const Spec& spec, const Reference& reference);

}  // namespace ocisync
