#include <fmt/format.h>

#include "app/chart_cache.h"
#include "app/commands.h"
#include "app/output.h"
#include "app/wiring.h"
#include "base/text.h"
#include "export/placement.h"

namespace ocisync {
namespace {

struct ChartExportOptions {
  ChartOptions chart;
  std::optional<std::filesystem::path> destination;
  bool force = false;
};

void declare_chart_export(Flags& flags, ChartExportOptions& options) {
  declare_reference(flags, options.chart);
  flags.path("destination", "DIR", options.destination, "Where NAME/ is put (here)").letter = 'd';
  flags.toggle("force", options.force, "Replace a NAME/ that is not this chart");
  declare(flags, options.chart);
}

std::string_view state_of(Placed placed) {
  switch (placed) {
    case Placed::created:
      return "created";
    case Placed::unchanged:
      return "unchanged";
    case Placed::replaced:
      return "replaced";
  }
  return {};
}

int run_chart_export(const ChartExportOptions& options) {
  const auto log = make_log(options.chart.log);
  const Spec spec = load_spec_if_given(options.chart.spec, *log);
  const Reference reference = chart_reference(options.chart.reference, *log);
  const auto cache = ChartCache::find(options.chart.spec, spec, *log);
  SavedChart saved = require_saved_chart(cache.get(), reference);
  const std::filesystem::path destination = options.destination.value_or(".");
  const Placed placed =
      place_directory(destination, options.force, kDefaultModes, [&](const Directory& into) {
        TreeRecord record = fill_chart_tree(
            cache->blobs(), saved.chart, ExportFormat::directory, spec.limits, kDefaultModes, [] {},
            into);
        saved.entry.name = record.chart_name;  // Chart.yaml decides
        saved.entry.version = record.chart_version;
        return record;
      });
  const std::string path = options.destination ? (destination / saved.entry.name).string() + "/"
                                               : saved.entry.name + "/";
  if (options.chart.output == OutputFormat::json) {
    Json document = chart_document("export", reference, saved.entry);
    document.set("path", path);
    document.set("state", state_of(placed));
    print(document.dump(2) + "\n");
  } else {
    print(chart_lines(saved.entry) + fmt::format("Exported to {}\n", printable(path, 4096)));
  }
  return 0;
}

}  // namespace

Command chart_export_command() {
  return make_command<ChartExportOptions>("chart export",
                                          "Write a chart of the cache to a directory",
                                          declare_chart_export, run_chart_export);
}

}  // namespace ocisync
