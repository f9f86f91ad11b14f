#include "app/registry_options.h"

#include <string_view>

#include <fmt/format.h>

#include "base/error.h"
#include "base/text.h"

namespace ocisync {
namespace {

RegistrySpec& entry_for(const Reference& reference, Spec& spec) {
  if (const RegistrySpec* found = find_registry(spec, reference))
    return spec.registries[static_cast<std::size_t>(found - spec.registries.data())];
  spec.registries.emplace_back().host = reference.registry();
  return spec.registries.back();
}

void lay_over(const std::optional<std::filesystem::path>& flag,
              std::optional<std::filesystem::path>& into) {
  if (flag)
    into = std::filesystem::absolute(*flag);
}

}  // namespace

void declare(Flags& flags, SpecOptions& spec, RegistryOptions& options) {
  flags.path("registry-config", "FILE", spec.registry_config, "Registry credentials");
  flags.toggle("plain-http", options.plain_http, "Speak HTTP without TLS to the registry");
  flags.path("ca-file", "FILE", options.ca_file, "Trust these authorities, too");
  flags.path("cert-file", "FILE", options.cert_file, "Client certificate");
  flags.path("key-file", "FILE", options.key_file, "Its key");
  flags.toggle("insecure-skip-tls-verify", options.insecure_skip_tls_verify,
               "Take whatever certificate the registry shows");
}

void apply(const RegistryOptions& options, const Reference& reference, Spec& spec) {
  if (options.cert_file.has_value() != options.key_file.has_value())
    throw Error(Reason::usage_invalid, "--cert-file and --key-file go together");
  const bool asked = options.plain_http || options.ca_file || options.cert_file ||
                     options.insecure_skip_tls_verify;
  if (!asked)
    return;
  RegistrySpec& entry = entry_for(reference, spec);
  if (options.plain_http)
    entry.plain_http = true;
  lay_over(options.ca_file, entry.tls.ca_file);
  lay_over(options.cert_file, entry.tls.cert_file);
  lay_over(options.key_file, entry.tls.key_file);
  if (options.insecure_skip_tls_verify)
    entry.tls.insecure_skip_verify = true;
  // What is asked of TLS is asked in vain where loopback would be spoken to without it.
  if (!options.plain_http && !entry.plain_http)
    entry.plain_http = false;
}

std::string registry_argument(const std::string& text) {
  std::string_view host = text;
  for (const std::string_view scheme : {"oci://", "https://", "http://"})
    if (equal_ignoring_case(host.substr(0, scheme.size()), scheme)) {
      host.remove_prefix(scheme.size());
      break;
    }
  while (host.ends_with('/'))
    host.remove_suffix(1);
  if (auto registry = canonical_registry(host))
    return *std::move(registry);
  throw Error(Reason::usage_invalid,
              fmt::format("'{}' is not a registry: host[:port], without a path",
                          printable(text.find('@') == std::string::npos ? text : "…", 300)));
}

}  // namespace ocisync
