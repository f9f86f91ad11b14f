#include "reconcile/chart_push.h"

#include <charconv>

#include <fmt/format.h>

#include "app/chart_cache.h"
#include "app/commands.h"
#include "app/output.h"
#include "app/progress_display.h"
#include "app/registry_options.h"
#include "app/signals.h"
#include "app/wiring.h"
#include "base/environment.h"
#include "base/error.h"
#include "base/text.h"
#include "reconcile/chart_save.h"

namespace ocisync {
namespace {

struct ChartPushOptions {
  ChartOptions chart;
  RegistryOptions registry;
  std::optional<PushFormat> format;
};

void declare_chart_push(Flags& flags, ChartPushOptions& options) {
  declare_reference(flags, options.chart);
  flags
      .choice<PushFormat>(
          "format", options.format,
          {{"current", PushFormat::current}, {"split", PushFormat::split}},
          "As Helm of today reads it, or in the two layers of Helm 3 alpha (current)")
      .brief = "As Helm reads it, or as Helm 3 alpha (current)";
  declare(flags, options.chart.spec, options.registry);
  declare(flags, options.chart);
}

// When a build says that it was made: https://reproducible-builds.org/specs/source-date-epoch/
std::optional<WallTime> source_date_epoch() {
  const auto text = process_variable("SOURCE_DATE_EPOCH");
  if (!text || text->empty())
    return std::nullopt;
  constexpr std::int64_t kLatest = 253'402'300'799;
  std::int64_t seconds = 0;
  const char* const end = text->data() + text->size();
  const auto [stopped, error] = std::from_chars(text->data(), end, seconds);
  if (error != std::errc{} || stopped != end || seconds < 0 || seconds > kLatest)
    throw Error(Reason::usage_invalid,
                fmt::format("SOURCE_DATE_EPOCH: '{}' is not a number of seconds since 1970",
                            printable(*text, 80)));
  return WallTime(std::chrono::seconds(seconds));
}

std::string push_lines(const Reference& reference, const ChartPush& push) {
  return fmt::format("The push refers to repository [{}]\n", reference.name()) +
         chart_lines(push.sent) +
         fmt::format("{}: pushed to remote ({} layer{}, {} total)\nDigest: {}\n",
                     tag_text(reference), push.layers, push.layers == 1 ? "" : "s",
                     human_size(push.size), push.sent.manifest->str());
}

std::string push_json(const Reference& reference, const ChartPush& push,
                      const PushedArtifact& pushed, const TransferCounts& counts) {
  Json document = chart_document("push", reference, push.sent);
  document.set("digest", pushed.digest.str());
  if (pushed.before && pushed.before != pushed.digest)
    document.set("previousDigest", pushed.before->str());
  document.set("layers", std::uint64_t{push.layers});
  document.set("size", push.size);
  document.set("uploadedBlobs", std::uint64_t{pushed.uploaded.size()});
  document.set("requests", counts.requests);
  return document.dump(2) + "\n";
}

void tell(const PushedArtifact& pushed, const Reference& reference, Log& log) {
  if (pushed.before == pushed.digest)
    log.info("AlreadyPushed", "the registry has exactly this already; nothing was sent",
             {{"ref", reference.str()}});
  else if (pushed.before)
    log.info("TagMoved", "the tag stood for something else before",
             {{"ref", reference.str()}, {"previous", pushed.before->str()}});
}

// Tells of every blob that is on its way.
void show_uploads(PushArtifact& artifact, const std::string& name, Progress& progress) {
  progress.expect(1);
  for (PushBlob& blob : artifact.blobs)
    blob.sent = [&progress, name, size = blob.descriptor.size,
                 transfer = std::optional<Progress::Transfer>()](std::uint64_t bytes) mutable {
      if (!transfer)
        transfer = progress.begin(name, size);
      progress.moved(*transfer, bytes);
    };
}

int push_chart(const ChartPushOptions& options, Log& log, const std::stop_token& stop) {
  Spec spec = load_spec_if_given(options.chart.spec, log);
  const Reference reference = chart_reference(options.chart.reference, log);
  if (reference.digest())
    throw Error(Reason::usage_invalid,
                fmt::format("{}: a chart is pushed under a tag, its digest follows from its "
                            "content",
                            reference.str()));
  apply(options.registry, reference, spec);
  if (!Volume::open_read_only(cache_path(options.chart.spec, spec)))
    require_saved_chart(nullptr, reference);
  const auto cache = ChartCache::create(options.chart.spec, spec, log);
  const SavedChart saved = require_saved_chart(cache.get(), reference);
  ChartPush push = prepare_push(cache->blobs(), saved, options.format.value_or(PushFormat::current),
                                source_date_epoch(), spec.limits);
  const RealClock clock;
  RegistryWiring registry(options.chart.spec, spec, clock, log);
  TransferCounts counts;
  Progress progress(clock);
  show_uploads(push.artifact, push.sent.name, progress);
  const PushedArtifact pushed = [&] {
    const ProgressDisplay shown(ProgressStyle::automatic, progress, log);
    return registry.client().push(reference, push.artifact, counts, stop);
  }();
  tell(pushed, reference, log);

  ReferenceEntry entry = saved.entry;
  entry.manifest = cache->blobs().keep(push.artifact.manifest).digest;
  keep_chart(cache->references(), cache->volume(), reference, entry);
  print(options.chart.output == OutputFormat::json ? push_json(reference, push, pushed, counts)
                                                   : push_lines(reference, push));
  return 0;
}

int run_chart_push(const ChartPushOptions& options) {
  Signals signals;
  const auto log = make_log(options.chart.log);
  return unless_interrupted(signals, [&] { return push_chart(options, *log, signals.stop()); });
}

}  // namespace

Command chart_push_command() {
  return make_command<ChartPushOptions>("chart push", "Push a chart of the cache to its registry",
                                        declare_chart_push, run_chart_push);
}

}  // namespace ocisync
