#pragma once

#include <cstdint>
#include <vector>

#include "oci/digest.h"
#include "oci/reference.h"
#include "store/reference_store.h"
#include "store/volume.h"

namespace ocisync {

struct DamagedBlob {
  Digest digest;
  bool manifest = false;              // some reference calls it its manifest
  std::vector<Reference> references;  // cached references that lead to it
};

struct CheckReport {
  std::uint64_t blobs = 0, bytes = 0;  // all that were hashed
  std::vector<DamagedBlob> damaged;    // by digest
};

// Hashes every blob of the cache and tells which do not match their names. Changes nothing. Missing
// blobs are no damage: they are fetched when they are needed.
CheckReport check_cache(const Volume& volume, const ReferenceStore& references);

// Removes a damaged blob, so that whoever needs it next fetches it. Does nothing when it is intact
// by now.
void discard_damaged(const Volume& volume, const Digest& digest);

}  // namespace ocisync
