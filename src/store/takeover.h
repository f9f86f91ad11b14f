#pragma once

#include <string>
#include <vector>

#include "store/blob_cache.h"
#include "store/reference_store.h"

namespace ocisync {

struct Takeover {
  std::vector<std::string> taken;    // references, by name
  std::vector<std::string> refused;  // one sentence each: what was left alone, and why
};

// Makes ours what Helm 3.0.0-alpha left in the cache: its references get relative links and the
// manifest that alpha would have pushed, so that nothing but the cache itself is needed to read
// them and index.json lists them; a "+" in a tag becomes the "_" by which it is looked for. Left
// alone and told of: links that lead out of the cache, damaged blobs, names that are no reference.
// A cache without such references is not written to.
Takeover take_over_alpha(BlobCache& cache, const ReferenceStore& references);

// Whether that would find anything to do or to tell. Writes nothing.
bool has_alpha_references(const Volume& volume, const ReferenceStore& references);

}  // namespace ocisync
