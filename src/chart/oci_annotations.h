#pragma once

#include <optional>

#include "base/clock.h"
#include "chart/metadata.h"
#include "oci/manifest.h"

namespace ocisync {

// What the manifest of a chart says of it, as Helm 4 writes it: title, version, description, url,
// source and authors out of Chart.yaml where they are not blank, `created` where it is known, and
// on top the annotations of Chart.yaml, which may replace all but title and version.
Annotations oci_annotations(const ChartMetadata& metadata, std::optional<WallTime> created);

}  // namespace ocisync
