#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "app/options.h"
#include "oci/reference.h"
#include "spec/spec.h"

namespace ocisync {

// How a verb reaches its registry, where that is not as the spec says.
struct RegistryOptions {
  bool plain_http = false;
  std::optional<std::filesystem::path> ca_file, cert_file, key_file;
  bool insecure_skip_tls_verify = false;
};

// --registry-config too.
void declare(Flags& flags, SpecOptions& spec, RegistryOptions& options);

// Lays the flags over the entry that governs this reference, or makes one. Throws
// Error(usage_invalid) for a certificate without its key.
void apply(const RegistryOptions& options, const Reference& reference, Spec& spec);

// The registry that a person names: host[:port], its scheme left out, as Reference::registry() has
// it. Throws Error(usage_invalid).
std::string registry_argument(const std::string& text);

}  // namespace ocisync
