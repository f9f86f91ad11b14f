#include "reconcile/chart_save.h"

#include <fmt/format.h>

#include "app/chart_cache.h"
#include "app/commands.h"
#include "app/output.h"
#include "app/wiring.h"
#include "base/error.h"
#include "base/text.h"

namespace ocisync {
namespace {

struct ChartSaveOptions {
  ChartOptions chart;
  std::string path;
};

void declare_chart_save(Flags& flags, ChartSaveOptions& options) {
  flags.positional("CHART", options.path, "A chart's directory or .tgz archive");
  declare_reference(flags, options.chart);
  declare(flags, options.chart);
}

std::string saving_line(std::string_view role, const BlobCache::Produced& blob) {
  if (!blob.is_new)
    return {};
  return fmt::format("{}: Saving {} ({})\n", blob.blob.digest.short_hex(), role,
                     human_size(blob.blob.size));
}

int run_chart_save(const ChartSaveOptions& options) {
  const auto log = make_log(options.chart.log);
  const Spec spec = load_spec_if_given(options.chart.spec, *log);
  const Reference reference = chart_reference(options.chart.reference, *log);
  if (reference.digest())
    throw Error(Reason::usage_invalid,
                fmt::format("{}: a chart is saved under a tag, its digest follows from its content",
                            reference.str()));
  const auto cache = ChartCache::create(options.chart.spec, spec, *log);
  const StoredChart stored = store_chart(cache->blobs(), options.path, spec.limits);
  keep_chart(cache->references(), cache->volume(), reference, stored.entry);
  if (options.chart.output == OutputFormat::json)
    print(chart_document("save", reference, stored.entry).dump(2) + "\n");
  else
    print(saving_line("meta", stored.meta) + saving_line("content", stored.content) +
          chart_lines(stored.entry) + tag_text(reference) + ": saved\n");
  return 0;
}

}  // namespace

Command chart_save_command() {
  return make_command<ChartSaveOptions>("chart save", "Save a chart into the cache",
                                        declare_chart_save, run_chart_save);
}

}  // namespace ocisync
