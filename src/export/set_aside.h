#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "export/export_volume.h"
#include "oci/digest.h"

namespace ocisync {

// Directories that were shown and are no more, kept for readers who still hold them open:
// retired/<encoded path>/<algorithm>-<hex>@<unix time>-<random>.
class SetAside {
 public:
  explicit SetAside(const ExportVolume& volume) : volume_(volume) {}

  // Where those of a path go; made now, so that nothing but a rename is left for later.
  Directory home(const std::string& path) const;
  // A new name in there.
  static std::string name(const Digest& manifest, WallTime at);

  struct Item {
    std::string name;
    WallTime at;  // when it was set aside
  };

  std::vector<std::string> paths() const;
  std::vector<Item> items(const std::string& path) const;  // newest first
  void remove(const std::string& path, const Item& item) const;
  void forget(const std::string& path) const;  // removes the path's directory if it is empty

 private:
  std::optional<Directory> find(const std::string& path) const;

  const ExportVolume& volume_;
};

}  // namespace ocisync
