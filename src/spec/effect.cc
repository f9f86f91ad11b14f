#include "spec/effect.h"

#include <tuple>

namespace ocisync {
namespace {

// Every member is named, so that whoever adds one is made to decide whether it matters.

auto effect_of(const RegistrySpec& registry) {
  const auto& [host, path_prefix, at, plain_http, credentials, tls, proxy, mirrors, realms,
               redirects, http2, connections] = registry;
  static_cast<void>(at);
  return std::tie(host, path_prefix, plain_http, credentials, tls, proxy, mirrors, realms,
                  redirects, http2, connections);
}

auto effect_of(const ChartSpec& chart) {
  const auto& [name, reference, repository, at, written_ref, written_version, range, range_text,
               tag_filter, tag_filter_text, required, suspend, immutable, interval, export_path,
               export_format] = chart;
  static_cast<void>(at);
  static_cast<void>(range);       // range_text says it
  static_cast<void>(tag_filter);  // tag_filter_text says it
  static_cast<void>(suspend);     // together with the spec's, below
  static_cast<void>(interval);    // likewise
  return std::tie(name, reference, repository, written_ref, written_version, range_text,
                  tag_filter_text, required, immutable, export_path, export_format);
}

// What a chart takes from the spec around it.
auto surroundings(const Spec& spec, const ChartSpec& chart) {
  return std::tuple(chart.interval.value_or(spec.interval), spec.suspend || chart.suspend,
                    spec.timeout, spec.stall_timeout, spec.exports.layout, spec.exports.group_write,
                    spec.limits);
}

bool same_registry(const RegistrySpec* a, const RegistrySpec* b) {
  if (a == nullptr || b == nullptr)
    return a == b;
  return effect_of(*a) == effect_of(*b);
}

}  // namespace

bool same_effect(const Spec& before, const ChartSpec& old_entry, const Spec& now,
                 const ChartSpec& new_entry) {
  return effect_of(old_entry) == effect_of(new_entry) &&
         surroundings(before, old_entry) == surroundings(now, new_entry) &&
         same_registry(find_registry(before, old_entry.reference),
                       find_registry(now, new_entry.reference));
}

}  // namespace ocisync
