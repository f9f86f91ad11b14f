#pragma once

#include <memory>
#include <optional>
#include <string>

#include "registry/repository_index.h"
#include "store/volume.h"

namespace ocisync {

// The part of an index that was wanted, and by what its server tells whether it changed since.
struct KeptIndex {
  std::string etag, last_modified;  // as the server wrote them; empty when it did not
  std::map<std::string, std::shared_ptr<const ChartVersions>, std::less<>> charts;

  bool has_validator() const { return !etag.empty() || !last_modified.empty(); }
};

// As a note of the cache, by the repository's URL. Absent whenever it cannot be believed.
std::optional<KeptIndex> read_kept_index(const Volume& volume, const std::string& url);
void write_kept_index(const Volume& volume, const std::string& url, const KeptIndex& index);

}  // namespace ocisync
