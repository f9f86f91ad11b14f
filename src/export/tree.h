#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/files.h"
#include "export/export_volume.h"
#include "export/tree_check.h"
#include "export/tree_name.h"
#include "export/tree_record.h"
#include "export/volume_lock.h"
#include "oci/digest.h"
#include "spec/spec.h"

namespace ocisync {

enum class TreeState { intact, altered, missing };

// Immutable unpacked charts: <export>/.ocisync/trees/<format>/<algorithm>-<manifest digest>/, made
// under a private name and renamed into place, with a record that a re-check is held against. Safe
// from any thread; several processes making the same tree end with one.
class TreeStore {
 public:
  explicit TreeStore(const ExportVolume& volume) : volume_(volume), lock_(volume, "trees.lock") {}

  std::optional<TreeRecord> record(ExportFormat format, const Digest& manifest) const;
  std::optional<Directory> open(ExportFormat format, const Digest& manifest) const;

  // Compares what is there with the record: one lstat an entry, and directories must hold nothing
  // else. Contents are hashed where lstat differs and when `hash_all`. A tree without a record, or
  // with one that cannot be read, is missing.
  TreeState check(ExportFormat format, const Digest& manifest, bool hash_all) const;
  // The same for a private copy made by copy_to.
  TreeState check_copy(const Directory& copy, const TreeRecord& record, bool hash_all) const;

  // Makes the tree: `fill` writes into an empty private directory and returns the record. Entries
  // are taken from what it wrote; of those it returns only path and digest matter, and spare
  // reading the file again. Modes are set to the policy's. Replaces an altered tree; one that is
  // intact by then, made by another process, is kept and its record returned. Not visible on any
  // throw.
  using Fill = std::function<TreeRecord(const Directory& into)>;
  TreeRecord make(ExportFormat format, const Digest& manifest, const Fill& fill);

  // A private copy, reflinked where the file system can; mtimes kept.
  void copy_to(ExportFormat format, const Digest& manifest, const Directory& into) const;

  // The tree that a directory was copied from, known by its times; absent for any other directory.
  std::optional<TreeName> original_of(const Directory& copy) const;

  void remove(ExportFormat format, const Digest& manifest) const;
  // As if it had no record: it is made anew before it is shown again, and who reads it meanwhile
  // loses nothing.
  void distrust(ExportFormat format, const Digest& manifest) const;

  // Notes that the tree is in use until now: what nobody names is removed by this age.
  void touch(ExportFormat format, const Digest& manifest) const;

  struct Kept {
    ExportFormat format;
    Digest manifest;
    WallTime used;  // when it was made or touched
  };

  std::vector<Kept> list() const;

 private:
  void settle(const TreeName& name, const Directory& staging, const std::string& staged,
              TreeRecord& record);

  const ExportVolume& volume_;
  VolumeLock lock_;
};

}  // namespace ocisync
