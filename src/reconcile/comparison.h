#pragma once

#include <optional>
#include <string>
#include <vector>

#include "chart/archive.h"
#include "export/publisher.h"
#include "spec/spec.h"

namespace ocisync {

// How the files of a chart would change.
struct ChartComparison {
  std::vector<std::string> added, changed, removed;  // sorted paths inside the chart, as they are

  struct TextDiff {
    std::string file;
    std::vector<std::string> lines;  // see unified_diff; hostile text is in them
  };

  std::vector<TextDiff> texts;  // of Chart.yaml and values.yaml, where they change
};

// Compares what stands at the chart's export path now, altered or not, with what would stand there.
// Inside an archive that is exported the files are compared too. `published` is the record of the
// path; absent when nothing is exported: then every file is added.
ChartComparison compare_with_export(const Spec& spec, const ChartSpec& chart, Publisher* publisher,
                                    const std::optional<Publication>& published,
                                    const UnpackedChart& wanted);

}  // namespace ocisync
