#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "oci/digest.h"
#include "oci/reference.h"
#include "store/reference_store.h"
#include "store/volume.h"

namespace ocisync {

// A cached reference by which a blob may be fetched again.
struct Lead {
  Reference reference;
  ReferenceSource source;
  Digest content;
  std::optional<Digest> manifest;  // what the registry calls it
};

struct DamagedBlob {
  Digest digest;
  std::vector<Lead> leads;

  // Some reference calls it its manifest.
  bool is_manifest() const;
};

struct CheckReport {
  std::uint64_t blobs = 0, bytes = 0;  // all that were hashed
  std::vector<DamagedBlob> damaged;    // by digest
};

// Hashes every blob of the cache and tells which do not match their names. Changes nothing. Missing
// blobs are no damage: they are fetched when they are needed.
CheckReport check_cache(const Volume& volume);

// Removes a damaged blob, so that whoever needs it next fetches it. Does nothing when it is intact
// by now.
void discard_damaged(const Volume& volume, const Digest& digest);

}  // namespace ocisync
