#pragma once

#include <cstdint>
#include <optional>

#include "base/clock.h"
#include "reconcile/saved_chart.h"
#include "registry/client.h"
#include "spec/spec.h"

namespace ocisync {

// How a chart goes over the wire: as Helm 3.7 and later write it, or in the two layers of
// 3.0.0-alpha.1.
enum class PushFormat { current, split };

// A chart as it will be sent. Its blobs are in the cache, which outlives this.
struct ChartPush {
  PushArtifact artifact;
  ReferenceEntry sent;  // its meta is the config of the current format
  std::size_t layers;
  std::uint64_t size;  // of the layers together
};

// The same bytes for the same chart. `created` goes into the manifest of the current format; where
// it is absent an archive's newest entry tells, and of a chart that was saved from a directory
// nothing does. The whole chart is unpacked and judged. Throws what unpacking throws.
ChartPush prepare_push(BlobCache& cache, const SavedChart& saved, PushFormat format,
                       std::optional<WallTime> created, const LimitsSpec& limits);

}  // namespace ocisync
