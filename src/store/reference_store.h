#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "oci/manifest.h"
#include "oci/reference.h"
#include "store/reference_path.h"
#include "store/volume.h"

namespace ocisync {

// What a cached reference stands for.
struct ReferenceEntry {
  std::string name;  // Chart.yaml's, from charts/<name>/versions/<version>
  std::string version;
  Digest content;
  Digest meta;
  std::optional<Digest> manifest;  // what the registry calls this reference; an index's own digest
};

// refs/ and charts/: which blobs a reference stood for when it was last seen. Links are relative,
// and the directory that holds a reference's four is replaced as a whole: readers and killed
// writers see and leave the old set or the new one. A set whose chart, content and meta do not all
// resolve counts as absent, a manifest link that does not as no manifest. Absolute links whose tail
// matches the layout (Helm 3 alpha wrote them) are understood, wherever the cache has moved since.
// Host ":" is written "_" and brackets are dropped; repository components "tags" and "digests" are
// "=tags" and "=digests". Safe from any thread and process.
class ReferenceStore {
 public:
  explicit ReferenceStore(const Volume& volume, ReferenceSource source = ReferenceSource::registry)
      : volume_(volume), source_(source) {}

  // Of `reference` exactly as given: its digest if it has one, else its tag.
  std::optional<ReferenceEntry> find(const Reference& reference) const;
  // Writes only what differs. True when anything did. Throws chart_invalid for a name or version
  // that cannot be a file's. `since`: what kept_since is to say of it, when not now.
  bool put(const Reference& reference, const ReferenceEntry& entry,
           std::optional<WallTime> since = std::nullopt) const;
  // Since when the cache has this content under this reference: the older of blob and link, for
  // a blob's time is renewed when it is used.
  WallTime kept_since(const Reference& reference, const ReferenceEntry& entry) const;
  bool remove(const Reference& reference) const;  // false: was not there

  // The tags cached for a repository, unsorted (range resolution offline).
  std::vector<std::string> tags(const Reference& repository) const;
  // Every whole set, in no order. `unreadable`: see walk_references.
  void for_each(const std::function<void(const Reference&, const ReferenceEntry&)>& visit,
                const std::function<void(const Error&)>& unreadable = nullptr) const;

 private:
  const Volume& volume_;
  ReferenceSource source_;
};

}  // namespace ocisync
