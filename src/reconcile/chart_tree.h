#pragma once

#include <functional>
#include <optional>

#include "chart/archive.h"
#include "chart/metadata.h"
#include "export/tree.h"
#include "oci/manifest.h"
#include "store/blob_cache.h"

namespace ocisync {

// A chart whose blobs are in the cache, ready to become a tree.
struct CachedChart {
  ChartManifest manifest;
  BlobFile config;
  BlobFile content;
  std::optional<BlobFile> provenance;
};

// Fills an empty private directory with a chart in the format asked for:
//   directory  the chart's files
//   archive    <name>-<version>.tgz, byte for byte as the registry serves it, and its .prov
//   both       <name>/ and the archive
// The names are Chart.yaml's. Formats that split a chart into meta and content are joined again,
// and their archive is assembled deterministically. Whatever the format, the whole chart is
// unpacked and judged first. `keep_on` is called between chunks and throws to give up. Throws what
// unpacking throws.
TreeRecord fill_chart_tree(const BlobCache& cache, const CachedChart& chart, ExportFormat format,
                           const LimitsSpec& limits, Modes modes,
                           const std::function<void()>& keep_on, const Directory& into);

ArchiveLimits archive_limits(const LimitsSpec& spec);

// Judges a chart as fill_chart_tree would, and tells what it holds. `content` is its archive;
// `meta` is read for the formats that split a chart.
UnpackedChart inspect_chart_content(const ChartManifest& chart, Source& content,
                                    std::string_view meta, const LimitsSpec& limits);

}  // namespace ocisync
