#include "base/file_calls.h"

#include <atomic>
#include <cerrno>
#include <optional>

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/error.h"
#include "base/text.h"

namespace ocisync {

namespace {

// All components in one call. Absent where the kernel (before 5.6) or a sandbox has no openat2.
std::optional<Fd> open_way(int directory, const std::string& relative) {
  static std::atomic<bool> available = true;
  if (!available)
    return std::nullopt;

  struct open_how how {};

  how.flags = kDirectoryFlags;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
  Fd fd(static_cast<int>(::syscall(SYS_openat2, directory, relative.c_str(), &how, sizeof how)));
  if (fd || (errno != ENOSYS && errno != EPERM && errno != EAGAIN))
    return fd;
  available = errno == EAGAIN;  // something was renamed meanwhile: this way once more, step by step
  return std::nullopt;
}

}  // namespace

const char* single_name(const std::string& name) {
  if (name.empty() || name == "." || name == ".." || name.find('/') != std::string::npos ||
      name.find('\0') != std::string::npos)
    throw Error(Reason::internal, fmt::format("'{}' is not a single file name", printable(name)));
  return name.c_str();
}

void fail_at(int code, std::string_view act, std::string_view path) {
  throw system_error(code, fmt::format("{} {}", act, printable(path, 4096)));
}

std::string joined_path(std::string_view directory, std::string_view name) {
  return fmt::format("{}{}{}", directory, directory.ends_with('/') ? "" : "/", name);
}

Fd open_below(int directory, std::string_view relative) {
  const auto parts = split(relative, '/');
  for (const std::string_view part : parts)
    single_name(std::string(part));
  if (parts.size() > 1)
    if (auto fd = open_way(directory, std::string(relative)))
      return std::move(*fd);
  Fd current;
  for (const std::string_view part : parts) {
    Fd next(
        ::openat(current ? current.get() : directory, std::string(part).c_str(), kDirectoryFlags));
    if (!next)
      return next;
    current = std::move(next);
  }
  return current;
}

bool is_regular(int fd) {
  Status status{};
  return ::fstat(fd, &status) == 0 && S_ISREG(status.st_mode);
}

Error not_regular(std::string_view path) {
  return Error(Reason::storage_failed, printable(path, 4096) + " is not a regular file");
}

std::vector<std::string> names_in(int directory, std::string_view path) {
  // A descriptor of its own: the position of a duplicated one is shared between its users.
  const Fd fd(::openat(directory, ".", kDirectoryFlags));
  if (!fd)
    fail_at(errno, "listing", path);
  std::vector<std::string> names;
  alignas(dirent64) char entries[32 * 1024];
  while (true) {
    const ssize_t size = ::getdents64(fd.get(), entries, sizeof entries);
    if (size == 0 || (size < 0 && errno == ENOENT))  // at its end, or removed meanwhile
      return names;
    if (size < 0)
      fail_at(errno, "listing", path);
    for (ssize_t at = 0; at < size;) {
      const auto* entry = reinterpret_cast<const dirent64*>(entries + at);
      at += entry->d_reclen;
      const std::string_view name = entry->d_name;
      if (name != "." && name != "..")
        names.emplace_back(name);
    }
  }
}

Fd make_directory_at(int parent, const char* name, mode_t mode, std::string_view path) {
  if (::mkdirat(parent, name, mode) != 0) {
    if (errno == EEXIST)
      return {};
    fail_at(errno, "creating directory", path);
  }
  Fd fd(::openat(parent, name, kDirectoryFlags));
  Status status{};
  if (!fd || ::fstat(fd.get(), &status) != 0)
    fail_at(errno, "opening directory", path);
  // Inheriting setgid from the parent is how shared volumes keep their group: keep the bit.
  const mode_t wanted = mode | (status.st_mode & S_ISGID);
  if ((status.st_mode & 07777) != wanted && ::fchmod(fd.get(), wanted) != 0)
    fail_at(errno, "setting the mode of", path);
  return fd;
}

void remove_tree_at(int parent, const std::string& name, std::string_view path) {
  if (::unlinkat(parent, name.c_str(), 0) == 0 || errno == ENOENT)
    return;
  if (errno != EISDIR && errno != EPERM)
    fail_at(errno, "removing", path);
  Fd fd(::openat(parent, name.c_str(), kDirectoryFlags));
  // What we may not list we may still make ours; never through a link that took the name's place.
  if (!fd && errno == EACCES && ::fchmodat(parent, name.c_str(), 0700, AT_SYMLINK_NOFOLLOW) == 0)
    fd = Fd(::openat(parent, name.c_str(), kDirectoryFlags));
  if (!fd && errno == ENOENT)
    return;
  if (!fd)
    fail_at(errno, "removing", path);
  ::fchmod(fd.get(), 0700);  // a directory without write permission keeps its children
  for (const std::string& child : names_in(fd.get(), path))
    remove_tree_at(fd.get(), child, joined_path(path, child));
  if (::unlinkat(parent, name.c_str(), AT_REMOVEDIR) != 0 && errno != ENOENT)
    fail_at(errno, "removing", path);
}

}  // namespace ocisync
