#include "app/show_spec.h"

#include <algorithm>
#include <map>

#include <fmt/format.h>

#include "app/wiring.h"
#include "base/environment.h"
#include "base/error.h"
#include "registry/credentials.h"
#include "registry/endpoint.h"
#include "spec/effective.h"
#include "spec/quantity.h"

namespace ocisync {
namespace {

// What the command line and the environment say.
void add_flags(const SpecOptions& options, const Spec& spec, Elsewheres& elsewhere) {
  const auto add = [&](const char* flag, const char* path, Json value) {
    if (const auto given = options.origins.find(flag); given != options.origins.end())
      elsewhere[path] = {std::move(value), given->second};
  };
  add("cache", "spec.cache.path",
      options.cache ? Json(cache_path(options, spec).string()) : Json());
  add("export", "spec.export.path", spec.exports.path ? Json(spec.exports.path->string()) : Json());
  add("concurrency", "spec.concurrency", spec.concurrency);
  add("accept-stale", "spec.acceptStale", format_duration(spec.accept_stale));
}

// Defaults that depend on something else.
void add_defaults(const SpecOptions& options, const Spec& spec, Elsewheres& elsewhere) {
  const auto fill = [&](std::string path, Json value, std::string origin) {
    elsewhere.try_emplace(std::move(path), Elsewhere{std::move(value), std::move(origin), false});
  };
  try {
    fill("spec.cache.path", cache_path(options, spec).string(), "default");
  } catch (const Error&) {
    // there is none: a sync will say so
  }
  for (std::size_t i = 0; i < spec.charts.size(); ++i) {
    const ChartSpec& chart = spec.charts[i];
    const std::string at = fmt::format("spec.charts[{}].", i);
    fill(at + "name", chart.name, "default: the repository's last component");
    fill(at + "interval", format_duration(spec.interval), "default: spec.interval");
    fill(at + "export.path", chart.export_path, "default: the name");
    fill(at + "export.format", to_string(chart.export_format), "default: spec.export.format");
  }
  for (std::size_t i = 0; i < spec.registries.size(); ++i) {
    const RegistrySpec& registry = spec.registries[i];
    if (!registry.host.starts_with("*."))
      fill(fmt::format("spec.registries[{}].plainHTTP", i),
           speaks_plain_http(spec, somewhere_on(registry.host)),
           "default: true for loopback alone");
  }
}

std::string source_of(CredentialStore& store, const Reference& reference,
                      const RegistrySpec* registry) {
  try {
    const Credential found =
        store.find(reference, registry, CredentialStore::Freshness::without_helpers);
    return "credentials: " + found.source;
  } catch (const Error& error) {
    return fmt::format("credentials: cannot be used: {}", error.message());
  }
}

// A repository that an entry governs: one of its charts, else a made-up one.
std::optional<Reference> governed(const Spec& spec, const RegistrySpec& registry) {
  for (const ChartSpec& chart : spec.charts)
    if (find_registry(spec, chart.reference) == &registry)
      return chart.reference;
  if (registry.host.starts_with("*."))
    return std::nullopt;
  const std::string path = registry.path_prefix.empty() ? "" : "/" + registry.path_prefix;
  return somewhere_on(registry.host + path);
}

SpecNotes credential_notes(const SpecOptions& options, const Spec& spec) {
  const RealClock clock;
  CredentialStore store(process_variable, {options.registry_config}, clock);
  SpecNotes notes;
  for (std::size_t i = 0; i < spec.registries.size(); ++i) {
    const auto reference = governed(spec, spec.registries[i]);
    notes[fmt::format("spec.registries[{}]", i)] = {
        reference ? source_of(store, *reference, &spec.registries[i])
                  : "no chart is at such a host"};
  }
  std::map<std::string, std::string> others;
  for (const ChartSpec& chart : spec.charts)
    if (find_registry(spec, chart.reference) == nullptr)
      others.try_emplace(chart.reference.registry(), source_of(store, chart.reference, nullptr));
  for (const auto& [host, source] : others)
    notes["spec.charts"].push_back(fmt::format("registry {}, without an entry; {}", host, source));
  return notes;
}

}  // namespace

std::string shown_spec(const std::vector<SpecSource>& sources, const SpecOptions& options,
                       const Spec& spec) {
  Elsewheres elsewhere;
  add_flags(options, spec, elsewhere);
  add_defaults(options, spec, elsewhere);
  return effective_spec(sources, process_variable, elsewhere, credential_notes(options, spec));
}

}  // namespace ocisync
