#pragma once

#include <filesystem>

#include "spec/spec.h"
#include "store/blob_cache.h"
#include "store/reference_store.h"

namespace ocisync {

// A chart of this machine as blobs of the cache, and which of them are new there.
struct StoredChart {
  ReferenceEntry entry;
  BlobCache::Produced meta, content;
};

// Stores a chart's directory or its archive. A directory is split into meta and content, so that
// one whose Chart.yaml alone changed stores its content once; an archive is judged and kept byte
// for byte, with the .prov that lies beside it. The manifest of that format (split, current) is
// stored too. No reference leads to any of it yet. Throws Error(chart_invalid), (limit_exceeded)
// for what is no chart, or was written to meanwhile; (usage_invalid) when nothing is there.
StoredChart store_chart(BlobCache& cache, const std::filesystem::path& path,
                        const LimitsSpec& limits);

// Names a chart of the cache and lists it in index.json. It is pinned: kept until it is removed.
void keep_chart(const ReferenceStore& references, const Volume& volume, const Reference& reference,
                const ReferenceEntry& entry);

}  // namespace ocisync
