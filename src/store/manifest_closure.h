#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <unordered_set>
#include <vector>

#include "oci/digest.h"
#include "store/volume.h"

namespace ocisync {

using DigestSet = std::unordered_set<Digest, Digest::Hash>;

// A cached manifest or index, read leniently and without hashing: this decides what a sweep keeps
// and what index.json lists, never what is believed.
struct CachedManifest {
  std::string media_type;  // the document's own, else by its shape
  std::uint64_t size;
  std::vector<Digest> blobs;      // config and layers
  std::vector<Digest> manifests;  // of an index
};

// Absent: not cached, or nothing like a manifest.
std::optional<CachedManifest> read_cached_manifest(const Volume& volume, const Digest& digest);

// Adds a manifest and every blob it leads to, cached or not.
void add_closure(const Volume& volume, const Digest& manifest, DigestSet& into);

// Whether a copy of this manifest out of the cache would find every blob.
bool is_complete(const Volume& volume, const CachedManifest& manifest);

}  // namespace ocisync
