#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <sys/stat.h>

#include "base/clock.h"
#include "base/files.h"
#include "store/volume.h"

namespace ocisync {

// A file nobody sees yet: it has a private name in staging/ until publish() renames it, and is gone
// if that never happens. Its writer holds a lock on it, so that a sweep can tell what a killed
// process left from what is being written right now. One thread at a time.
class StagingFile {
 public:
  explicit StagingFile(const Volume& volume);
  ~StagingFile();
  StagingFile(const StagingFile&) = delete;
  StagingFile& operator=(const StagingFile&) = delete;

  void write(Bytes bytes);
  void truncate();
  // Claims the space now, where the file system can; a full one throws disk_full before any byte
  // was paid for.
  void reserve(std::uint64_t size);

  // Shows the file as `name`, replacing what was there. Returns its status under that name.
  struct stat publish(const Directory& into, std::string_view name, mode_t mode);

 private:
  std::string path() const { return staging_.path_of(name_); }

  Directory staging_;
  std::string name_;  // empty once published
  Fd file_;
};

// A directory nobody sees yet, for what is made in several files: 0700, locked like a StagingFile,
// gone with everything in it when its owner goes, unless it was published. One thread at a time.
class StagingDirectory {
 public:
  explicit StagingDirectory(const Volume& volume) : StagingDirectory(volume.staging(), "work-") {}

  // Elsewhere, under a private name that begins with `prefix`.
  StagingDirectory(const Directory& parent, std::string_view prefix);
  ~StagingDirectory();
  StagingDirectory(const StagingDirectory&) = delete;
  StagingDirectory& operator=(const StagingDirectory&) = delete;

  const Directory& directory() const noexcept { return *directory_; }

  // Shows it as `name`, with one rename or one exchange for what stood there, which goes. Where the
  // volume can do neither, nothing stands there for a moment. Throws Error(storage_failed) when
  // others were faster each time.
  void publish(const Directory& into, std::string_view name, mode_t mode) const;

 private:
  bool exchange(const Directory& into, std::string_view name) const;

  Directory parent_;
  std::string name_;  // once published: of what was exchanged for it, if of anything
  std::optional<Directory> directory_;
};

// What killed processes left in staging/, or of what is elsewhere the names that begin with
// `prefix`: files and directories nobody holds a lock on, and where there are no locks, what is
// older than an hour. Returns how many went.
std::uint64_t sweep_staging(const Directory& staging, WallTime now, std::string_view prefix = "");

inline constexpr auto kAbandonedAfter = std::chrono::hours(1);
bool older_than(const struct stat& status, Duration age, WallTime now);  // by mtime
WallTime modified(const struct stat& status);

}  // namespace ocisync
