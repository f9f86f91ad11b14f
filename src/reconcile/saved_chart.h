#pragma once

#include <optional>

#include "chart/metadata.h"
#include "reconcile/chart_tree.h"
#include "store/blob_cache.h"
#include "store/reference_store.h"

namespace ocisync {

// A reference of the cache with the blobs it stands for, each verified.
struct SavedChart {
  Reference reference;
  ReferenceEntry entry;
  // How meta and content fit together. `chart.manifest` is the cached manifest's account of them
  // where that is of these two blobs. Where it is not (what was pushed has other blobs than what
  // was saved; Helm 3 alpha kept no manifests) the meta blob tells: it holds a name, or it was
  // split from its content.
  CachedChart chart;
};

// Absent: the cache has no such reference, or not all of it. Throws digest_mismatch when a blob is
// not what its name says, protocol_violation when the manifest is none.
std::optional<SavedChart> find_saved_chart(BlobCache& cache, const ReferenceStore& references,
                                           const Reference& reference);

// A chart as one standard archive, and what its Chart.yaml says.
struct StandardChart {
  BlobFile archive;
  ChartMetadata metadata;  // chart_json() of it is the config blob of the current format
  bool assembled;          // put together here from meta and content, not kept as it came
};

// The whole chart is unpacked and judged. A chart that was split is packed again, the same bytes
// every time, and kept in the cache. Throws what unpacking throws.
StandardChart standard_chart(BlobCache& cache, const SavedChart& saved, const LimitsSpec& limits);

}  // namespace ocisync
