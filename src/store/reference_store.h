#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "oci/manifest.h"
#include "oci/reference.h"
#include "store/volume.h"

namespace ocisync {

// What a cached reference stands for.
struct ReferenceEntry {
  std::string name;     // Chart.yaml's, from charts/<name>/versions/<version>
  std::string version;
  Digest content;
  Digest meta;
  std::optional<Digest> manifest;  // what the registry calls this reference; an index's own digest
};

// refs/ and charts/: which blobs a reference stood for when it was last seen. Links are relative and
// replaced by rename, the manifest link last; a set whose links do not all resolve counts as absent.
// Absolute links whose tail matches the layout (Helm 3 alpha wrote them) are understood. Host ":" is
// written "_" and brackets are dropped; repository components "tags" and "digests" are "=tags" and
// "=digests". Safe from any thread and process.
class ReferenceStore {
 public:
  explicit ReferenceStore(const Volume& volume) : volume_(volume) {}

  // Of `reference` exactly as given: its digest if it has one, else its tag.
  std::optional<ReferenceEntry> find(const Reference& reference) const;
  // Writes only what differs. True when anything did.
  bool put(const Reference& reference, const ReferenceEntry& entry) const;
  bool remove(const Reference& reference) const;  // false: was not there

  // The tags cached for a repository (range resolution offline).
  std::vector<std::string> tags(const Reference& repository) const;
  void for_each(const std::function<void(const Reference&, const ReferenceEntry&)>& visit) const;

 private:
  const Volume& volume_;
};

}  // namespace ocisync
