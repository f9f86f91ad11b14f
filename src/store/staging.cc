#include "store/staging.h"

#include <cerrno>
#include <limits>
#include <optional>

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/error.h"

namespace ocisync {
namespace {

constexpr mode_t kPrivate = 0600;
constexpr int kMostTurns = 16;

std::int64_t links_of(int fd) {
  struct stat status = {};
  return ::fstat(fd, &status) == 0 ? static_cast<std::int64_t>(status.st_nlink) : 0;
}

// Network file systems report a full disk only when a descriptor is closed; closing a second one
// asks them early, and costs nothing elsewhere.
void flush(int fd, const std::filesystem::path& path) {
  const int twin = ::fcntl(fd, F_DUPFD_CLOEXEC, 0);
  if (twin < 0 || (::close(twin) != 0 && errno != EINTR))
    throw system_error(errno, "writing " + path.string());
}

// Whether the lock on what stands there can be had, which a living writer would hold. Absent: it
// cannot be told, for there are no locks or it cannot be opened.
std::optional<bool> unlocked(int fd) {
  if (::flock(fd, LOCK_EX | LOCK_NB) == 0)
    return true;
  return errno == EWOULDBLOCK ? std::optional(false) : std::nullopt;
}

// True when it went. The lock is held until then, so that its writer cannot begin in between.
bool remove_if_abandoned(const Directory& staging, const std::string& name, WallTime now) {
  const auto status = staging.status(name);
  if (!status)
    return false;
  std::optional<bool> abandoned;
  std::optional<Fd> file;
  std::optional<Directory> directory;
  if (S_ISREG(status->st_mode)) {
    file = staging.open_file(name);
    if (!file)
      return false;  // published or removed since we looked
    abandoned = unlocked(file->get());
  } else if (S_ISDIR(status->st_mode)) {
    directory = staging.find(name);
    if (!directory)
      return false;
    abandoned = unlocked(directory->fd());
  }
  if (!abandoned.value_or(older_than(*status, kAbandonedAfter, now)))
    return false;
  staging.remove_tree(name);
  return true;
}

}  // namespace

StagingFile::StagingFile(const Volume& volume) : staging_(volume.staging()) {
  // Between creating and locking a sweep may take the file for a leftover: then make another.
  bool taken = true;
  while (taken) {
    name_ = private_name("blob-");
    file_ = staging_.create_file(name_, kPrivate);
    // Any other failure means that there are no locks here, and sweeps go by age.
    taken = ::flock(file_.get(), LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK;
    taken = taken || links_of(file_.get()) == 0;
  }
}

StagingFile::~StagingFile() {
  if (!name_.empty())
    ::unlinkat(staging_.fd(), name_.c_str(), 0);
}

void StagingFile::write(Bytes bytes) { write_all(file_.get(), bytes, path()); }

void StagingFile::truncate() {
  if (::ftruncate(file_.get(), 0) != 0 || ::lseek(file_.get(), 0, SEEK_SET) != 0)
    throw system_error(errno, "truncating " + path());
}

void StagingFile::reserve(std::uint64_t size) {
  if (size > static_cast<std::uint64_t>(std::numeric_limits<off_t>::max()))
    return;
  if (::fallocate(file_.get(), FALLOC_FL_KEEP_SIZE, 0, static_cast<off_t>(size)) == 0)
    return;
  if (errno == ENOSPC || errno == EDQUOT)
    throw system_error(errno, "reserving space for " + path());
}

struct stat StagingFile::publish(const Directory& into, std::string_view name, mode_t mode) {
  flush(file_.get(), path());
  if (::fchmod(file_.get(), mode) != 0)
    throw system_error(errno, "setting the mode of " + path());
  // A rename replaces anything but a directory.
  const auto obstacle = into.status(name);
  if (obstacle && S_ISDIR(obstacle->st_mode))
    into.remove_tree(name);
  staging_.rename(name_, into, name);
  name_.clear();

  struct stat status = {};
  if (::fstat(file_.get(), &status) != 0)
    throw system_error(errno, "examining " + into.path_of(name));
  return status;
}

StagingDirectory::StagingDirectory(const Directory& parent, std::string_view prefix)
    : parent_(parent.duplicate()) {
  bool taken = true;
  while (taken) {
    name_ = private_name(prefix);
    parent_.make_directory(name_, 0700);
    directory_ = parent_.find(name_);
    // As with a file: a sweep may come in between.
    taken = !directory_ || unlocked(directory_->fd()) == false || !parent_.status(name_);
  }
}

StagingDirectory::~StagingDirectory() {
  try {
    parent_.remove_tree(name_);
  } catch (const Error&) {  // NOLINT(bugprone-empty-catch): a sweep will find it
  }
}

// False where the volume cannot: it knows no exchange, or the directory is of an overlay's lower
// layer.
bool StagingDirectory::exchange(const Directory& into, std::string_view name) const {
  try {
    return parent_.exchange(name_, into, name);
  } catch (const Error& error) {
    if (error.reason() == Reason::disk_full)
      throw;
    return false;
  }
}

void StagingDirectory::publish(const Directory& into, std::string_view name, mode_t mode) const {
  struct stat status = {};
  if (::fstat(directory_->fd(), &status) != 0 ||
      ::fchmod(directory_->fd(), mode | (status.st_mode & S_ISGID)) != 0)
    throw system_error(errno, "setting the mode of " + directory_->path().string());
  for (int attempt = 0; attempt < kMostTurns; ++attempt) {
    if (parent_.rename_new(name_, into, name) || exchange(into, name))
      return;
    into.remove_tree(name);
  }
  throw Error(Reason::storage_failed, "others write it all the time: " + into.path_of(name));
}

std::uint64_t sweep_staging(const Directory& staging, WallTime now, std::string_view prefix) {
  std::uint64_t removed = 0;
  for (const std::string& name : staging.names()) {
    try {
      if (name.starts_with(prefix) && remove_if_abandoned(staging, name, now))
        ++removed;
    } catch (const Error&) {  // NOLINT(bugprone-empty-catch): another user's, and theirs to clear
    }
  }
  return removed;
}

WallTime modified(const struct stat& status) {
  return WallTime(std::chrono::seconds(status.st_mtim.tv_sec) +
                  std::chrono::duration_cast<WallTime::duration>(
                      std::chrono::nanoseconds(status.st_mtim.tv_nsec)));
}

bool older_than(const struct stat& status, Duration age, WallTime now) {
  return now - modified(status) > age;
}

}  // namespace ocisync
