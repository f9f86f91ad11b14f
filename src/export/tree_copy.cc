#include "export/tree_copy.h"

#include <cerrno>

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"

namespace ocisync {
namespace {

void set_mtime(int fd, std::int64_t mtime_ns, const std::string& what) {
  const timespec time{mtime_ns / 1'000'000'000, mtime_ns % 1'000'000'000};
  const timespec times[2] = {time, time};
  if (::futimens(fd, times) != 0)
    throw system_error(errno, "setting the time of " + what);
}

// Copies in the kernel as far as it can, moving both offsets along.
void copy_in_kernel(int from, int into, const std::string& what) {
  while (true) {
    const ssize_t count = ::copy_file_range(from, nullptr, into, nullptr, 1 << 30, 0);
    if (count > 0 || (count < 0 && errno == EINTR))
      continue;
    if (count < 0 && (errno == ENOSPC || errno == EDQUOT || errno == EIO))
      throw system_error(errno, "copying " + what);
    return;
  }
}

// From where both files are: file systems differ in what they copy in the kernel, and how far.
void copy_rest(int from, int into, const std::string& what) {
  FileSource source(from, what);
  std::byte chunk[64 * 1024];
  while (const std::size_t count = source.read(chunk))
    write_all(into, Bytes(chunk, count), what);
}

void copy_file(const Directory& from, const Directory& into, const std::string& name,
               const TreeEntry& entry, mode_t mode) {
  const auto source = from.open_file(name);
  if (!source)
    throw Error(Reason::storage_failed, "missing from its tree: " + from.path_of(name));
  const Fd target = into.create_file(name, mode);
  const std::string what = into.path_of(name);
  const bool shares_blocks = ::ioctl(target.get(), FICLONE, source->get()) == 0;
  if (!shares_blocks) {
    copy_in_kernel(source->get(), target.get(), what);
    copy_rest(source->get(), target.get(), what);
  }
  set_mtime(target.get(), entry.mtime_ns, what);
}

// The directory pair that the last entry was in; most entries share it with the one before.
class Pair {
 public:
  Pair(const Directory& from, const Directory& into)
      : from_root_(from), into_root_(into), from_(from.duplicate()), into_(into.duplicate()) {}

  void enter(const std::string& path) {
    if (path == path_)
      return;
    auto source = path.empty() ? from_root_.duplicate() : from_root_.find(path);
    auto target = path.empty() ? into_root_.duplicate() : into_root_.find(path);
    if (!source || !target)
      throw Error(Reason::storage_failed, "missing from its tree: " + from_root_.path_of(path));
    from_ = std::move(*source);
    into_ = std::move(*target);
    path_ = path;
  }

  const Directory& from() const { return from_; }

  const Directory& into() const { return into_; }

 private:
  const Directory& from_root_;
  const Directory& into_root_;
  Directory from_, into_;
  std::string path_;
};

}  // namespace

void copy_tree(const Directory& from, const TreeRecord& record, const Directory& into,
               Modes modes) {
  Pair pair(from, into);
  for (const TreeEntry& entry : record.entries) {
    if (entry.path == ".")
      continue;
    const auto slash = entry.path.rfind('/');
    pair.enter(slash == std::string::npos ? "" : entry.path.substr(0, slash));
    const std::string name = entry.path.substr(slash + 1);
    if (entry.directory)
      pair.into().make_directory(name, modes.directory);
    else
      copy_file(pair.from(), pair.into(), name, entry, modes.file);
  }
  // Last, because filling a directory changes its time.
  for (const TreeEntry& entry : record.entries)
    if (entry.directory) {
      const auto directory = entry.path == "." ? into.duplicate() : into.find(entry.path);
      set_mtime(directory.value().fd(), entry.mtime_ns, into.path_of(entry.path));
    }
}

}  // namespace ocisync
