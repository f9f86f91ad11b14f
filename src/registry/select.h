#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "oci/manifest.h"

namespace ocisync {

// Reads the bytes of a manifest, or of a config blob, that an index leads to.
using ReadDocument = std::function<std::string(const Descriptor&)>;

struct SelectedChart {
  Descriptor manifest;  // of the chart's own manifest
  ChartManifest chart;
};

// Finds the one chart in an index: entries that announce Helm's artifact type, else every manifest
// whose config is Helm's; nested indexes to depth 3, at most 64 documents, none twice; narrowed by
// title and version annotations. Error(unsupported) when there is none, (ambiguous_chart) listing
// the candidates when there are several.
SelectedChart select_chart(const Index& index, std::string_view wanted_name,
                           std::string_view wanted_version, const ReadDocument& read);

}  // namespace ocisync
