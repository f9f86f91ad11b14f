#include "chart/split.h"

#include <algorithm>

#include "base/error.h"
#include "chart/metadata.h"

namespace ocisync {

namespace {

void replace_chart_yaml(UnpackedChart& chart, std::string real) {
  for (ArchivedFile& file : chart.files)
    if (file.path == "Chart.yaml") {
      chart.unpacked_bytes += real.size() - file.size;
      file.size = real.size();
      file.digest = Digest::of(real);
    }
  chart.chart_yaml = std::move(real);
}

}  // namespace

UnpackedChart join_split_chart(Source& content, std::string_view meta_json, std::string_view name,
                               std::string_view version, const Directory& into,
                               const ArchiveLimits& limits, Modes modes) {
  std::string real = chart_yaml(read_chart_json(meta_json, name, version));
  UnpackedChart chart = unpack_chart(content, into, limits, modes);
  into.write_atomic("Chart.yaml", real, modes.file);
  replace_chart_yaml(chart, std::move(real));
  return chart;
}

UnpackedChart inspect_split_chart(Source& content, std::string_view meta_json,
                                  std::string_view name, std::string_view version,
                                  const ArchiveLimits& limits) {
  std::string real = chart_yaml(read_chart_json(meta_json, name, version));
  UnpackedChart chart = inspect_chart(content, limits);
  replace_chart_yaml(chart, std::move(real));
  return chart;
}

}  // namespace ocisync
