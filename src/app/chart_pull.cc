#include <algorithm>
#include <map>

#include <fmt/format.h>

#include "app/chart_cache.h"
#include "app/commands.h"
#include "app/output.h"
#include "app/progress_display.h"
#include "app/registry_options.h"
#include "app/signals.h"
#include "app/wiring.h"
#include "base/error.h"
#include "base/text.h"
#include "oci/version.h"
#include "reconcile/chart_save.h"
#include "reconcile/chart_task.h"
#include "store/blob_path.h"

namespace ocisync {
namespace {

struct ChartPullOptions {
  ChartOptions chart;
  RegistryOptions registry;
  std::optional<std::string> version;
};

void declare_chart_pull(Flags& flags, ChartPullOptions& options) {
  declare_reference(flags, options.chart);
  flags.text("version", "R", options.version, "A version, or a range of them such as \"^1.2\"");
  declare(flags, options.chart.spec, options.registry);
  declare(flags, options.chart);
}

// The same rules as for a chart of the spec; but without tag and version it is the tag latest.
ChartSpec wanted_chart(const ChartPullOptions& options, Log& log) {
  if (!options.version)
    return ChartSpec(chart_reference(options.chart.reference, log));
  ChartSpec chart(Reference::parse(options.chart.reference));
  const std::string& version = *options.version;
  const auto& tag = chart.reference.tag();
  if (tag == tag_of_version(version))
    return chart;
  if (tag || chart.reference.digest())
    throw Error(Reason::usage_invalid,
                fmt::format("--version {} and {} do not say the same: give one of them",
                            printable(version, 80), chart.reference.str()));
  if (Version::parse(version)) {
    chart.reference = chart.reference.with_tag(tag_of_version(version));
    return chart;
  }
  try {
    chart.range = VersionRange::parse(version);
  } catch (const Error& error) {
    throw Error(Reason::usage_invalid, fmt::format("--version: {}", error.message()));
  }
  chart.range_text = version;
  return chart;
}

using Known = std::map<std::string, std::optional<Digest>>;

// What the cache says now of every reference that the pull may lead to.
Known known_manifests(const ReferenceStore& references, const ChartSpec& chart) {
  Known known;
  const auto note = [&](const Reference& reference) {
    if (const auto entry = references.find(reference))
      known[reference.str()] = entry->manifest;
  };
  if (!chart.range)
    note(chart.reference);
  else
    for (const std::string& tag : references.tags(chart.reference))
      note(chart.reference.with_tag(tag));
  return known;
}

// The journey of a sync, up to the cache.
Outcome pull(ChartCache& cache, const SpecOptions& options, const Spec& spec,
             const ChartSpec& chart, Log& log, const std::stop_token& stop) {
  const RealClock clock;
  RegistryWiring registry(options, spec, clock, log);
  Lanes lanes(1);
  Progress progress(clock);
  progress.expect(1);
  ChartTask task(Rooms{spec,
                       registry.client(),
                       cache.blobs(),
                       cache.references(),
                       nullptr,
                       lanes,
                       log,
                       clock,
                       {},
                       &progress});
  Outcome outcome = [&] {
    const ProgressDisplay shown(ProgressStyle::automatic, progress, log);
    return task.run(chart, stop).outcome;
  }();
  if (!outcome.reason)
    return outcome;
  Error error(*outcome.reason, outcome.message);
  error.hint(outcome.hint);
  throw error;
}

std::string saving_line(const ChartCache& cache, const Outcome& outcome, std::string_view role,
                        const Digest& digest) {
  const auto& missing = outcome.missing;
  if (std::find(missing.begin(), missing.end(), digest) == missing.end())
    return {};
  const auto blob = status_at(cache.volume(), blob_path(digest));
  return fmt::format("{}: Saving {} ({})\n", digest.short_hex(), role,
                     human_size(blob ? static_cast<std::uint64_t>(blob->st_size) : 0));
}

std::string pull_lines(const ChartCache& cache, const Reference& reference,
                       const ReferenceEntry& entry, const Outcome& outcome, bool newer) {
  return fmt::format("{}: Pulling from {}\n", tag_text(reference), reference.name()) +
         saving_line(cache, outcome, "meta", entry.meta) +
         saving_line(cache, outcome, "content", entry.content) + chart_lines(entry) +
         fmt::format("Status: {} for {}\n",
                     newer ? "Downloaded newer chart" : "Chart is up to date", reference.str());
}

std::string pull_json(const Reference& reference, const ReferenceEntry& entry,
                      const Outcome& outcome, bool newer) {
  Json document = chart_document("pull", reference, entry);
  document.set("digest", outcome.digest->str());
  document.set("state", newer ? "downloaded" : "upToDate");
  document.set("requests", outcome.requests);
  document.set("bytes", outcome.bytes);
  return document.dump(2) + "\n";
}

int pull_chart(const ChartPullOptions& options, Log& log, const std::stop_token& stop) {
  Spec spec = load_spec_if_given(options.chart.spec, log);
  spec.exports.path.reset();
  ChartSpec chart = wanted_chart(options, log);
  chart.name = chart.reference.base_name();
  apply(options.registry, chart.reference, spec);
  const auto cache = ChartCache::create(options.chart.spec, spec, log);
  const Known before = known_manifests(cache->references(), chart);
  const Outcome outcome = pull(*cache, options.chart.spec, spec, chart, log, stop);

  const Reference reference = Reference::parse(outcome.reference);
  const auto entry = cache->references().find(reference);
  if (!entry)
    throw Error(Reason::storage_failed, reference.str() + " went from the cache while it came");
  keep_chart(cache->references(), cache->volume(), reference, *entry);
  const auto was = before.find(reference.str());
  const bool newer = was == before.end() || was->second != entry->manifest;
  print(options.chart.output == OutputFormat::json
            ? pull_json(reference, *entry, outcome, newer)
            : pull_lines(*cache, reference, *entry, outcome, newer));
  return 0;
}

int run_chart_pull(const ChartPullOptions& options) {
  Signals signals;
  const auto log = make_log(options.chart.log);
  return unless_interrupted(signals, [&] { return pull_chart(options, *log, signals.stop()); });
}

}  // namespace

Command chart_pull_command() {
  return make_command<ChartPullOptions>("chart pull", "Pull a chart into the cache",
                                        declare_chart_pull, run_chart_pull);
}

}  // namespace ocisync
