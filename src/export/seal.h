#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/files.h"
#include "export/export_volume.h"
#include "export/tree_name.h"
#include "export/tree_record.h"

namespace ocisync {

// What lstat says of every entry of a tree, folded into one number: inodes, sizes, modes, mtimes
// and ctimes. Writing to a file, replacing it or setting its times back changes it, since ctime
// cannot be set. Absent when an entry is missing.
std::optional<std::uint64_t> stamp_of(const Directory& tree, const TreeRecord& record);

// Remembers across processes that the contents shown at an export path were hashed and found right.
// A seal holds for one boot of the machine and one stamp: so every file is hashed once after a
// start, which is what finds the traces of a power loss, and whenever lstat shows that something
// was done to it; otherwise a pass over many charts need not read them all. Lost seals cost a
// hashing, nothing else. Safe from any thread.
class Seals {
 public:
  explicit Seals(const ExportVolume& volume);

  bool holds(const std::string& path, const TreeName& tree, std::uint64_t stamp) const;
  void set(const std::string& path, const TreeName& tree, std::uint64_t stamp) const;
  void remove(const std::string& path) const;

 private:
  std::string text(const TreeName& tree, std::uint64_t stamp) const;

  const ExportVolume& volume_;
  std::string boot_;  // of the machine; empty: unknown, nothing is ever sealed
};

}  // namespace ocisync
