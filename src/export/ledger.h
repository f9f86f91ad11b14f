#pragma once

#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/file_stamp.h"
#include "base/guarded.h"
#include "export/export_volume.h"
#include "export/publication.h"

namespace ocisync {

struct LedgerEntry {
  Publication publication;
  // A directory at the path is a copy of ours, altered or not. Written after the first one was put
  // there, so that a crash in between never makes somebody else's directory look like ours.
  bool directory_stands = false;
  std::vector<Superseded> history{};  // newest first
};

// Who publishes what where, of all owners: publications/<path with "/" written "%2F">.json. An
// entry is claimed before the first rename, so that a crash leaves a claim without an export, never
// an export without an owner. An entry that cannot be read counts as lost. What was read is kept,
// and read again when lstat shows another file: a pass looks at each entry several times. Safe from
// any thread.
class Ledger {
 public:
  explicit Ledger(const ExportVolume& volume) : volume_(volume) {}

  std::optional<LedgerEntry> find(const std::string& path) const;
  std::vector<LedgerEntry> all() const;  // sorted by path
  // Every path that has an entry, those included that cannot be read.
  std::vector<std::string> paths() const;

  // False when somebody else has an entry for the path; of several who try, one succeeds.
  bool claim(const LedgerEntry& entry) const;
  void write(const LedgerEntry& entry) const;
  void erase(const std::string& path) const;

 private:
  struct Known {
    FileStamp stamp;
    std::optional<LedgerEntry> entry;  // absent: it could not be read
  };

  std::optional<LedgerEntry> look_up(const Directory& home, const std::string& path) const;

  const ExportVolume& volume_;
  mutable Guarded<std::unordered_map<std::string, Known>> known_;  // by path
};

}  // namespace ocisync
