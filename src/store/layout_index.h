#pragma once

#include "store/reference_store.h"
#include "store/volume.h"

namespace ocisync {

// index.json and oci-layout (OCI image-layout 1.0.0), rebuilt from refs/: every reference whose
// manifest blob is cached, named by org.opencontainers.image.ref.name = host:port/repository:tag.
// Written at most when its bytes change. True when they did.
bool rebuild_layout_index(const Volume& volume, const ReferenceStore& references);

}  // namespace ocisync
