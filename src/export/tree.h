#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/files.h"
#include "base/guarded.h"
#include "oci/digest.h"
#include "spec/spec.h"

namespace ocisync {

// One entry of a tree as it was when it was made, and what lstat must still say of it.
struct TreeEntry {
  std::string path;       // relative to the tree, "/"-separated
  bool directory = false;
  std::uint64_t size = 0;
  std::int64_t mtime_ns = 0;
  std::optional<Digest> digest;  // of files
};

// What a finished tree is: written beside it as trees/<format>/<digest>.json.
struct TreeRecord {
  std::string chart_name;
  std::string chart_version;
  bool assembled = false;  // the archive was put together here (split formats), not served as is
  std::vector<TreeEntry> entries;
};

enum class TreeState { intact, altered, missing };

// Immutable unpacked charts: <export>/.ocisync/trees/<format>/<algorithm>-<manifest digest>/, made
// under a private name and renamed into place, with a record that a re-check is held against. Safe
// from any thread; several processes making the same tree end with one.
class TreeStore {
 public:
  TreeStore(Directory control, Modes modes);

  // Name below the control directory: "trees/directory/sha256-9f86…".
  static std::string relative_path(ExportFormat format, const Digest& manifest);

  std::optional<TreeRecord> record(ExportFormat format, const Digest& manifest) const;

  // Compares what is there with the record: one lstat an entry, and directories must hold nothing
  // else. Contents are hashed where lstat differs and when `hash_all`.
  TreeState check(ExportFormat format, const Digest& manifest, bool hash_all) const;
  // The same for a private copy made by copy_to.
  TreeState check_copy(const Directory& copy, const TreeRecord& record, bool hash_all) const;

  // Makes the tree: `fill` writes into an empty private directory and returns the record without
  // entries (they are taken from what it wrote). Replaces an altered tree. Not visible on any throw.
  using Fill = std::function<TreeRecord(const Directory& into)>;
  TreeRecord make(ExportFormat format, const Digest& manifest, const Fill& fill);

  // A private copy, reflinked where the file system can; mtimes kept.
  void copy_to(ExportFormat format, const Digest& manifest, const Directory& into) const;

  void remove(ExportFormat format, const Digest& manifest) const;

  struct Kept {
    ExportFormat format;
    Digest manifest;
    WallTime made;
  };

  std::vector<Kept> list() const;

 private:
  Directory control_;
  Modes modes_;
};

}  // namespace ocisync
