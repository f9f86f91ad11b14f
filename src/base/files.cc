#include "base/files.h"

#include <cerrno>
#include <chrono>
#include <thread>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file_calls.h"
#include "base/text.h"

namespace ocisync {
namespace {

namespace fs = std::filesystem;

// A file we open by a name that others may have planted: no link, no terminal, no waiting for
// a writer.
constexpr int kReadFlags = O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY;

std::string read_to_end(int fd, std::uint64_t limit, const std::string& path) {
  CappedBuffer buffer(limit, path);
  FileSource source(fd, path);
  std::byte chunk[64 * 1024];
  while (const std::size_t count = source.read(chunk))
    buffer.write(Bytes(chunk, count));
  return buffer.take();
}

// Fills the new file `draft`, which will become `name`: that is what messages call it.
void write_draft(const Directory& directory, const std::string& draft, std::string_view name,
                 std::string_view bytes, mode_t mode) {
  const std::string path = directory.path_of(name);
  Fd fd = directory.create_file(draft, mode);
  write_all(fd.get(), as_bytes(bytes), path);
  // A network file system may tell only here that the volume is full.
  if (::close(fd.release()) != 0 && errno != EINTR)
    fail_at(errno, "writing", path);
}

}  // namespace

std::string private_name(std::string_view prefix) {
  std::uint8_t bytes[8];
  if (::getrandom(bytes, sizeof bytes, 0) != sizeof bytes)
    throw system_error(errno, "reading random bytes");
  return std::string(prefix) + to_hex(bytes);
}

Directory Directory::open(const fs::path& path) {
  Fd fd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd)
    fail_at(errno, "opening directory", path.native());
  return {std::move(fd), path};
}

std::optional<Directory> Directory::open_if_exists(const fs::path& path) {
  Fd fd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd && errno == ENOENT)
    return std::nullopt;
  if (!fd)
    fail_at(errno, "opening directory", path.native());
  return Directory(std::move(fd), path);
}

Directory Directory::create(const fs::path& path, mode_t mode) {
  if (auto existing = open_if_exists(path))
    return std::move(*existing);
  const fs::path absolute = fs::absolute(path);
  if (!absolute.has_filename())
    return create(absolute.parent_path(), mode);  // only a slash at the end
  const Directory parent = create(absolute.parent_path(), mode);
  make_directory_at(parent.fd(), absolute.filename().c_str(), mode, path.native());
  return open(path);
}

std::optional<Directory> Directory::find(std::string_view relative) const {
  Fd fd = open_below(fd_.get(), relative);
  if (!fd && errno == ENOENT)
    return std::nullopt;
  if (!fd)
    fail_at(errno, "opening directory", path_of(relative));
  return Directory(std::move(fd), path_of(relative));
}

Directory Directory::ensure(std::string_view relative, mode_t mode) const {
  if (auto existing = find(relative))
    return std::move(*existing);
  std::optional<Directory> reached;
  for (const std::string_view part : split(relative, '/'))
    reached = (reached ? *reached : *this).enter(std::string(part), mode);
  return std::move(reached).value();
}

Directory Directory::enter(const std::string& name, mode_t mode) const {
  std::string path = path_of(name);
  Fd fd = make_directory_at(fd_.get(), single_name(name), mode, path);
  if (!fd)
    fd = Fd(::openat(fd_.get(), name.c_str(), kDirectoryFlags));
  if (!fd)
    fail_at(errno, "opening directory", path);
  return {std::move(fd), std::move(path)};
}

Directory Directory::duplicate() const {
  Fd fd(::fcntl(fd_.get(), F_DUPFD_CLOEXEC, 0));
  if (!fd)
    fail_at(errno, "opening directory", path_);
  return {std::move(fd), path_};
}

std::optional<struct stat> Directory::status(std::string_view name) const {
  const std::string own(name);
  Status result{};
  if (::fstatat(fd(), single_name(own), &result, AT_SYMLINK_NOFOLLOW) == 0)
    return result;
  if (errno == ENOENT)
    return std::nullopt;
  fail_at(errno, "examining", path_of(own));
}

std::string Directory::path_of(std::string_view name) const { return joined_path(path_, name); }

std::vector<std::string> Directory::names() const { return names_in(fd(), path_); }

std::optional<Fd> Directory::open_file(std::string_view name) const {
  const std::string own(name);
  Fd fd(::openat(fd_.get(), single_name(own), kReadFlags));
  if (!fd && errno == ENOENT)
    return std::nullopt;
  if (!fd)
    fail_at(errno, "opening", path_of(own));
  if (!is_regular(fd.get()))
    throw not_regular(path_of(own));
  return fd;
}

std::optional<std::string> Directory::read(std::string_view name, std::uint64_t limit) const {
  const auto fd = open_file(name);
  if (!fd)
    return std::nullopt;
  return read_to_end(fd->get(), limit, path_of(name));
}

Fd Directory::create_file(std::string_view name, mode_t mode) const {
  const std::string own(name);
  Fd fd(::openat(fd_.get(), single_name(own), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
                 0600));
  if (!fd || ::fchmod(fd.get(), mode) != 0)
    fail_at(errno, "creating", path_of(own));
  return fd;
}

void Directory::write_atomic(std::string_view name, std::string_view bytes, mode_t mode) const {
  const std::string own(name);
  single_name(own);
  const std::string temporary = private_name(".tmp-");
  try {
    write_draft(*this, temporary, name, bytes, mode);
    rename(temporary, *this, own);
  } catch (const Error&) {
    ::unlinkat(fd(), temporary.c_str(), 0);
    throw;
  }
}

bool Directory::write_new(std::string_view name, std::string_view bytes, mode_t mode) const {
  const std::string temporary = private_name(".tmp-");
  try {
    write_draft(*this, temporary, name, bytes, mode);
    if (rename_new(temporary, *this, name))
      return true;
    ::unlinkat(fd(), temporary.c_str(), 0);
    return false;
  } catch (const Error&) {
    ::unlinkat(fd(), temporary.c_str(), 0);
    throw;
  }
}

std::optional<std::string> Directory::read_link(std::string_view name) const {
  const std::string own(name);
  char target[4096];
  const ssize_t length = ::readlinkat(fd(), single_name(own), target, sizeof target);
  if (length >= 0)
    return std::string(target, static_cast<std::size_t>(length));
  if (errno == ENOENT || errno == EINVAL)
    return std::nullopt;
  fail_at(errno, "reading link", path_of(own));
}

void Directory::link_atomic(std::string_view target, std::string_view name) const {
  const std::string temporary = private_name(".tmp-");
  const std::string own(name), to(target);
  single_name(own);
  if (::symlinkat(to.c_str(), fd(), temporary.c_str()) != 0)
    fail_at(errno, "linking", path_of(own));
  if (::renameat(fd(), temporary.c_str(), fd(), own.c_str()) != 0) {
    const int code = errno;
    ::unlinkat(fd(), temporary.c_str(), 0);
    fail_at(code, "linking", path_of(own));
  }
}

void Directory::make_directory(std::string_view name, mode_t mode) const {
  const std::string own(name);
  const std::string path = path_of(own);
  if (!make_directory_at(fd(), single_name(own), mode, path))
    fail_at(EEXIST, "creating directory", path);
}

void Directory::remove_file(std::string_view name) const {
  const std::string own(name);
  if (::unlinkat(fd(), single_name(own), 0) != 0 && errno != ENOENT)
    fail_at(errno, "removing", path_of(own));
}

void Directory::remove_tree(std::string_view name) const {
  const std::string own(name);
  single_name(own);
  remove_tree_at(fd(), own, path_of(own));
}

void Directory::rename(std::string_view from, const Directory& to, std::string_view name) const {
  const std::string source(from), target(name);
  if (::renameat(fd(), single_name(source), to.fd(), single_name(target)) != 0)
    fail_at(errno, "renaming into", to.path_of(target));
}

bool Directory::rename_new(std::string_view from, const Directory& to,
                           std::string_view name) const {
  const std::string source(from), target(name);
  if (::renameat2(fd(), single_name(source), to.fd(), single_name(target), RENAME_NOREPLACE) == 0)
    return true;
  if (errno == EEXIST || errno == ENOTEMPTY)
    return false;
  if (errno != EINVAL && errno != ENOSYS)
    fail_at(errno, "renaming into", to.path_of(target));
  // NFS and some FUSE file systems know no NOREPLACE; a hard link refuses an existing name as well.
  if (::linkat(fd(), source.c_str(), to.fd(), target.c_str(), 0) == 0) {
    ::unlinkat(fd(), source.c_str(), 0);
    return true;
  }
  if (errno == EEXIST)
    return false;
  if (to.status(target))
    return false;
  rename(source, to, target);  // directories: rename itself refuses a non-empty one
  return true;
}

bool Directory::exchange(std::string_view name, const Directory& other,
                         std::string_view other_name) const {
  const std::string mine(name), theirs(other_name);
  if (::renameat2(fd(), single_name(mine), other.fd(), single_name(theirs), RENAME_EXCHANGE) == 0)
    return true;
  if (errno == EINVAL || errno == ENOSYS || errno == EOPNOTSUPP)
    return false;
  fail_at(errno, "exchanging", other.path_of(theirs));
}

void Directory::touch(std::string_view name) const {
  const std::string own(name);
  if (::utimensat(fd(), single_name(own), nullptr, AT_SYMLINK_NOFOLLOW) != 0 && errno != ENOENT)
    fail_at(errno, "touching", path_of(own));
}

void Directory::sync_volume() const {
  if (::syncfs(fd()) != 0)
    fail_at(errno, "syncing", path_);
}

std::optional<Directory::Room> Directory::room() const {
  struct statvfs info = {};
  if (::fstatvfs(fd(), &info) != 0)
    fail_at(errno, "examining", path_);
  if (info.f_blocks == 0)
    return std::nullopt;
  return Room{std::uint64_t{info.f_bavail} * info.f_frsize,
              std::uint64_t{info.f_blocks} * info.f_frsize};
}

bool Directory::shares_volume_with(const Directory& other) const {
  struct stat mine = {}, theirs = {};
  return ::fstat(fd(), &mine) == 0 && ::fstat(other.fd(), &theirs) == 0 &&
         mine.st_dev == theirs.st_dev;
}

void write_all(int fd, Bytes bytes, std::string_view what) {
  while (!bytes.empty()) {
    const ssize_t count = ::write(fd, bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR)
      continue;
    if (count < 0)
      fail_at(errno, "writing", what);
    bytes = bytes.subspan(static_cast<std::size_t>(count));
  }
}

std::size_t FileSource::read(std::span<std::byte> into) {
  while (true) {
    const ssize_t count = ::read(fd_, into.data(), into.size());
    if (count >= 0)
      return static_cast<std::size_t>(count);
    if (errno != EINTR)
      fail_at(errno, "reading", what_);
  }
}

std::optional<std::string> read_user_file(const fs::path& path, std::uint64_t limit) {
  const Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (!fd && (errno == ENOENT || errno == ENOTDIR))
    return std::nullopt;
  if (!fd)
    fail_at(errno, "opening", path.native());
  if (!is_regular(fd.get()))
    throw not_regular(path.native());
  return read_to_end(fd.get(), limit, path.native());
}

std::optional<FileLock> FileLock::acquire(const Directory& directory, std::string_view name,
                                          const std::function<bool()>& give_up) {
  const std::string own(name);
  // Opened for writing: a network file system turns flock into a byte-range lock that wants it.
  Fd fd(
      ::openat(directory.fd(), single_name(own), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0666));
  if (!fd)
    fail_at(errno, "opening lock", directory.path_of(own));
  ::fchmod(fd.get(), 0666);  // whoever shares the volume shares the lock, whatever our umask
  auto nap = std::chrono::milliseconds(2);
  while (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK && errno != EINTR)
      break;  // no locks here (ENOLCK, ENOSYS): go on without, at worst work is done twice
    if (give_up())
      return std::nullopt;
    std::this_thread::sleep_for(nap);
    nap = std::min(nap * 2, std::chrono::milliseconds(50));
  }
  return FileLock(std::move(fd));
}

}  // namespace ocisync
