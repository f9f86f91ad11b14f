#pragma once

#include <memory>
#include <optional>
#include <string>
#include <unordered_map>

#include "base/guarded.h"
#include "export/export_volume.h"
#include "export/ledger.h"
#include "export/publisher.h"
#include "export/seal.h"
#include "export/set_aside.h"
#include "export/site.h"
#include "export/snapshot.h"
#include "export/staged.h"
#include "export/tree.h"
#include "export/volume_lock.h"
#include "export/volume_sync.h"

namespace ocisync {

// What one path holds, found to be ours or free.
struct Holding {
  std::optional<LedgerEntry> entry;
  Site site;
};

struct CheckedTree {
  TreeRecord record;
  TreeStamp stamp;
};

// What a Publisher keeps, for its own rooms only: publisher.cc looks, showing.cc changes, retention
// cleans up.
struct Publisher::State {
  State(ExportVolume opened, std::string owner, const ExportSpec& spec);

  // Throws path_conflict when another owner, or anything that is not ours, has the path, a path
  // above it or one below it.
  Holding require_ours(const std::string& path) const;
  // A directory that we put there: by the ledger, or known by its times when that was lost.
  bool our_directory(const std::optional<LedgerEntry>& entry, const Directory& directory) const;

  PublishedState examine(const std::string& path, const std::optional<Publication>& record,
                         const Site& site) const;
  PublishedState examine_accepted(const Publication& record, const Site& site) const;
  PublishedState examine_link(const Publication& record, const TreeName& shown) const;
  PublishedState examine_directory(const Publication& record, const Directory& directory) const;
  PublishedState examine_unrecorded(const std::string& path, const Site& site) const;
  // Compares what is shown with the record. Contents are hashed unless that was done for this path
  // and tree before: in this process, or by the seal's word.
  bool intact(const std::string& path, const TreeName& tree, const Directory& shown,
              const TreeRecord& record) const;
  // Notes that what was just published was hashed on the way.
  void note_intact(const Publication& publication, const CheckedTree& tree) const;

  CheckedTree require_intact_tree(const Publication& publication) const;
  // What a failed sync may not have written can be read back all the same, and the kernel tells of
  // it once only: the tree is not believed any more.
  void sync_to_disk(const Publication& publication);
  Staged stage(const Publication& publication, const Directory& staging) const;
  // The rest happens under the lock.
  std::optional<Publication> show(const Publication& publication, const Staged& staged) const;
  std::optional<Publication> accept(const Publication& publication) const;
  void require_trees(const Generation& generation) const;
  void require_no_pin() const;
  void record_claim(const Holding& holding, const LedgerEntry& entry) const;
  LedgerEntry successor(const Holding& holding, const Publication& publication) const;
  void place(const Holding& holding, const Staged& staged, Layout layout) const;
  void retire(const Staged& staged, const Directory& into, const Publication& old,
              WallTime at) const;
  void undo(const Holding& holding, const std::string& path) const;
  void withdraw(const LedgerEntry& entry) const;

  const ExportVolume volume;
  const std::string owner;
  const Layout spec_layout;
  const std::size_t history_limit;
  const Ledger ledger;
  const SetAside set_aside;
  const Snapshot snapshot;
  TreeStore trees;
  mutable VolumeLock lock;
  VolumeSync sync;
  const Seals seals;
  mutable Guarded<std::unordered_map<std::string, TreeName>> hashed;  // by path
};

}  // namespace ocisync
