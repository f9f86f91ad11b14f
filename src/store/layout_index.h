#pragma once

#include "store/reference_store.h"
#include "store/volume.h"

namespace ocisync {

// index.json and oci-layout (OCI image-layout 1.0.0), rebuilt from refs/: every reference whose
// manifest is cached with all the blobs it names, so that whatever is listed can be copied, named
// by org.opencontainers.image.ref.name = host:port/repository:tag (or @digest) and sorted by it.
// Reads each manifest once and hashes nothing. Each file is replaced at most, when its bytes
// change. True when one was.
bool rebuild_layout_index(const Volume& volume, const ReferenceStore& references);

}  // namespace ocisync
