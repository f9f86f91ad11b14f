#include "reconcile/chart_save.h"

#include <fmt/format.h>

#include "app/chart_cache.h"
#include "app/commands.h"
#include "app/output.h"
#include "app/registry_options.h"
#include "app/signals.h"
#include "app/wiring.h"
#include "base/error.h"
#include "base/text.h"
#include "reconcile/repository_source.h"
#include "spec/repository_url.h"
#include "store/staging.h"

namespace ocisync {
namespace {

struct ChartSaveOptions {
  ChartOptions chart;
  RegistryOptions registry;
  std::string source;  // a path; with a repository, a name there
  std::optional<std::string> repository, version;
};

void declare_chart_save(Flags& flags, ChartSaveOptions& options) {
  flags
      .positional("CHART", options.source,
                  "A chart's directory or .tgz archive; with --repo, its name there")
      .brief = "A directory or .tgz; with --repo, a name there";
  declare_reference(flags, options.chart);
  flags.text("repo", "URL", options.repository, "Fetch it from this classic chart repository");
  flags
      .text("version", "R", options.version,
            "With --repo, a version or a range of them (the highest)")
      .brief = "With --repo, a version or range (the highest)";
  declare(flags, options.chart.spec, options.registry);
  declare(flags, options.chart);
}

std::string saving_line(std::string_view role, const BlobCache::Produced& blob) {
  if (!blob.is_new)
    return {};
  return fmt::format("{}: Saving {} ({})\n", blob.blob.digest.short_hex(), role,
                     human_size(blob.blob.size));
}

// What says how to ask a repository asks in vain where none is asked.
void require_no_repository_flags(const ChartSaveOptions& options) {
  const RegistryOptions& registry = options.registry;
  const char* const in_vain = options.version                     ? "--version"
                              : registry.plain_http               ? "--plain-http"
                              : registry.ca_file                  ? "--ca-file"
                              : registry.cert_file                ? "--cert-file"
                              : registry.key_file                 ? "--key-file"
                              : registry.insecure_skip_tls_verify ? "--insecure-skip-tls-verify"
                                                                  : nullptr;
  if (in_vain != nullptr)
    throw Error(Reason::usage_invalid,
                fmt::format("{} says how to ask a chart repository and needs --repo URL", in_vain));
}

// Whatever is wrong here, the command line says it.
ChartSpec wanted_chart(const ChartSaveOptions& options, Spec& spec) {
  const std::string& url = *options.repository;
  try {
    apply(options.registry, classic_chart(url, options.source).reference, spec);
    return classic_chart_spec(spec, url, options.source, options.version.value_or(""));
  } catch (const Error& error) {
    Error usage(Reason::usage_invalid, "--repo: " + error.message());
    usage.hint(error.hint());
    throw usage;
  }
}

StoredChart store_from_repository(ChartCache& cache, const ChartSaveOptions& options, Spec spec,
                                  Log& log, const std::stop_token& stop) {
  const ChartSpec chart = wanted_chart(options, spec);
  const RealClock clock;
  RegistryWiring registry(options.chart.spec, spec, clock, log);
  const Sources sources{spec, registry.client(), &cache.blobs(), &cache.references(), log, {}};
  Inquiry inquiry{.chart = chart, .stop = stop};
  const StagingDirectory fetched(cache.volume());
  const std::string archive = RepositorySource(sources).download(inquiry, fetched.directory());
  return store_chart(cache.blobs(), fetched.directory().path() / archive, spec.limits);
}

int save_chart(const ChartSaveOptions& options, Log& log, const std::stop_token& stop) {
  if (!options.repository)
    require_no_repository_flags(options);
  const Spec spec = load_spec_if_given(options.chart.spec, log);
  const Reference reference = chart_reference(options.chart.reference, log);
  if (reference.digest())
    throw Error(Reason::usage_invalid,
                fmt::format("{}: a chart is saved under a tag, its digest follows from its content",
                            reference.str()));
  const auto cache = ChartCache::create(options.chart.spec, spec, log);
  const StoredChart stored = options.repository
                                 ? store_from_repository(*cache, options, spec, log, stop)
                                 : store_chart(cache->blobs(), options.source, spec.limits);
  keep_chart(cache->references(), cache->volume(), reference, stored.entry);
  if (options.chart.output == OutputFormat::json)
    print(chart_document("save", reference, stored.entry).dump(2) + "\n");
  else
    print(saving_line("meta", stored.meta) + saving_line("content", stored.content) +
          chart_lines(stored.entry) + tag_text(reference) + ": saved\n");
  return 0;
}

int run_chart_save(const ChartSaveOptions& options) {
  Signals signals;
  const auto log = make_log(options.chart.log);
  return unless_interrupted(signals, [&] { return save_chart(options, *log, signals.stop()); });
}

}  // namespace

Command chart_save_command() {
  return make_command<ChartSaveOptions>("chart save", "Save a chart into the cache",
                                        declare_chart_save, run_chart_save);
}

}  // namespace ocisync
