#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <sys/stat.h>

#include "base/handle.h"
#include "base/sink.h"

namespace ocisync {

// Modes of what we create, independent of the process's umask.
struct Modes {
  mode_t file = 0644;
  mode_t directory = 0755;
};

inline constexpr Modes kDefaultModes{};
inline constexpr Modes kGroupModes{0664, 0775};

// A name that belongs to this attempt alone: `prefix`, then 16 random hex digits.
std::string private_name(std::string_view prefix);

// One directory, held open. Every call takes a single name below it (no "/", not "." or "..";
// anything else is a defect and throws internal) and never follows a symbolic link in that name, so
// whoever swaps a directory for a link while we work gains nothing. Errors are
// Error(storage_failed) or (disk_full) that name the path; a missing file is absence, not an error.
// Copies share nothing; safe to use from several threads.
class Directory {
 public:
  // Follows links: the root of a volume is the user's choice.
  static Directory open(const std::filesystem::path& path);
  static std::optional<Directory> open_if_exists(const std::filesystem::path& path);
  static Directory create(const std::filesystem::path& path, mode_t mode);  // with parents

  // A directory below, one or more components; the second creates what is missing.
  std::optional<Directory> find(std::string_view relative) const;
  Directory ensure(std::string_view relative, mode_t mode) const;
  Directory duplicate() const;

  // For messages: as it was called when it was opened.
  std::filesystem::path path() const { return path_; }

  std::string path_of(std::string_view name) const;  // of something below

  int fd() const noexcept { return fd_.get(); }

  std::optional<struct stat> status(std::string_view name) const;  // of a link itself
  std::vector<std::string> names() const;                          // unsorted, without "." and ".."

  // Regular files only; a file above `limit` bytes throws limit_exceeded.
  std::optional<std::string> read(std::string_view name, std::uint64_t limit) const;
  std::optional<Fd> open_file(std::string_view name) const;

  Fd create_file(std::string_view name, mode_t mode) const;  // must not exist
  // Makes `name` show exactly these bytes: private name, write, fchmod, rename.
  void write_atomic(std::string_view name, std::string_view bytes, mode_t mode) const;
  // False when the name exists already, whatever it is: of several who try, one succeeds.
  bool write_new(std::string_view name, std::string_view bytes, mode_t mode) const;

  std::optional<std::string> read_link(std::string_view name) const;  // absent if not a link
  // Replaces `name`, whether absent or a link, with one rename.
  void link_atomic(std::string_view target, std::string_view name) const;

  void make_directory(std::string_view name, mode_t mode) const;  // must not exist
  void remove_file(std::string_view name) const;                  // absence is fine
  void remove_tree(std::string_view name) const;  // files, links, directories; absence is fine
  void rename(std::string_view from, const Directory& to, std::string_view name) const;
  // False when `name` exists in `to` (RENAME_NOREPLACE semantics).
  bool rename_new(std::string_view from, const Directory& to, std::string_view name) const;
  // Swaps two existing names in one step. False when the file system cannot.
  bool exchange(std::string_view name, const Directory& other, std::string_view other_name) const;

  void touch(std::string_view name) const;  // mtime := now, absence is fine
  void sync_volume() const;                 // syncfs

  struct Room {
    std::uint64_t free;  // bytes that an unprivileged user may still write
    std::uint64_t total;
  };

  std::optional<Room> room() const;  // absent: some network file systems do not say
  bool shares_volume_with(const Directory& other) const;

 private:
  Directory(Fd fd, std::string path) : fd_(std::move(fd)), path_(std::move(path)) {}

  // One step of ensure().
  Directory enter(const std::string& name, mode_t mode) const;

  Fd fd_;
  std::string path_;
};

// Writes all of it, or throws an Error that names `what`.
void write_all(int fd, Bytes bytes, std::string_view what);

// A source over an open file, from its current offset.
class FileSource final : public Source {
 public:
  FileSource(int fd, std::string what) : fd_(fd), what_(std::move(what)) {}

  std::size_t read(std::span<std::byte> into) override;

 private:
  int fd_;  // not owned
  std::string what_;
};

// A whole file of the user's (a Secret, a CA, a config file), following links. Absent when missing;
// anything but a regular file, and more than `limit` bytes, throws.
std::optional<std::string> read_user_file(const std::filesystem::path& path, std::uint64_t limit);

// An advisory lock between processes and threads, on a file that is created and never removed.
// Locks only save work: where the file system has none, acquiring succeeds.
class FileLock {
 public:
  // Blocks in short naps until the lock is had or `give_up` says so (checked each nap); absent
  // then.
  static std::optional<FileLock> acquire(const Directory& directory, std::string_view name,
                                         const std::function<bool()>& give_up);

 private:
  explicit FileLock(Fd fd) : fd_(std::move(fd)) {}

  Fd fd_;  // the lock goes with the descriptor
};

}  // namespace ocisync
