#pragma once

#include <string>

#include "export/export_volume.h"
#include "export/tree_check.h"
#include "export/tree_name.h"

namespace ocisync {

// Remembers across processes that the contents shown at an export path were hashed and found right.
// A seal holds for one boot of the machine and one stamp: so every file is hashed once after a
// start, which is what finds the traces of a power loss, and whenever lstat shows that something
// was done to it; otherwise a pass over many charts need not read them all. Seals that are
// lost, or could not be written, cost a hashing, nothing else. Safe from any thread.
class Seals {
 public:
  explicit Seals(const ExportVolume& volume);

  bool holds(const std::string& path, const TreeName& tree, TreeStamp stamp) const;
  void set(const std::string& path, const TreeName& tree, TreeStamp stamp) const;
  void remove(const std::string& path) const;

 private:
  std::string text(const TreeName& tree, TreeStamp stamp) const;

  const ExportVolume& volume_;
  std::string boot_;  // of the machine; empty: unknown, nothing is ever sealed
};

}  // namespace ocisync
