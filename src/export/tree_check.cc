#include "export/tree_check.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <unordered_map>

#include <fcntl.h>
#include <sys/stat.h>

#include "base/error.h"
#include "base/file_stamp.h"
#include "base/text.h"

namespace ocisync {
namespace {

// What kubelet adds for a pod's fsGroup each time it mounts the volume.
constexpr mode_t kGroupFile = S_IRGRP | S_IWGRP;
constexpr mode_t kGroupDirectory = S_IRWXG | S_ISGID;

bool mode_fits(mode_t mode, mode_t policy, mode_t tolerated) {
  const mode_t bits = mode & 07777;
  return (bits & policy) == policy && (bits & ~tolerated) == (policy & ~tolerated);
}

std::int64_t mtime_of(const struct stat& status) {
  return std::int64_t{status.st_mtim.tv_sec} * 1'000'000'000 + status.st_mtim.tv_nsec;
}

// FNV-1a over whole words: nobody gains by a collision that he cannot have without setting ctime.
TreeStamp folded(TreeStamp sum, const struct stat& status) {
  const FileStamp stamp(status);
  const std::array words = {stamp.inode, static_cast<std::uint64_t>(stamp.size),
                            static_cast<std::uint64_t>(status.st_mode),
                            static_cast<std::uint64_t>(stamp.mtime_ns),
                            static_cast<std::uint64_t>(stamp.ctime_ns)};
  for (const std::uint64_t word : words)
    sum = (sum ^ word) * 0x100000001b3ULL;
  return sum;
}

// Whether a failed look at an entry says that the entry is not what was recorded.
bool says_altered(int code) {
  return code == ENOENT || code == ENOTDIR || code == ELOOP || code == ENAMETOOLONG;
}

Digest digest_of(int fd, DigestAlgorithm algorithm, std::string what) {
  Hasher hasher(algorithm);
  FileSource source(fd, std::move(what));
  std::byte chunk[64 * 1024];
  while (const std::size_t count = source.read(chunk))
    hasher.update(Bytes(chunk, count));
  return hasher.finish();
}

std::string_view parent_of(std::string_view path) {
  const auto slash = path.rfind('/');
  return slash == std::string_view::npos ? "." : path.substr(0, slash);
}

// One comparison of a tree with its record.
class Comparison {
 public:
  Comparison(const Directory& tree, const TreeRecord& record, Modes modes, Scrutiny scrutiny)
      : tree_(tree), record_(record), modes_(modes), scrutiny_(scrutiny) {}

  std::optional<TreeStamp> run() {
    for (const TreeEntry& entry : record_.entries)
      if (!same(entry))
        return std::nullopt;
    return stamp_;
  }

 private:
  bool same(const TreeEntry& entry) {
    struct stat status {};

    if (::fstatat(tree_.fd(), entry.path.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) {
      const int code = errno;
      if (says_altered(code))
        return false;
      throw system_error(code, "examining " + path_of(entry));
    }
    stamp_ = folded(stamp_, status);
    return entry.directory ? same_directory(entry, status) : same_file(entry, status);
  }

  bool same_directory(const TreeEntry& entry, const struct stat& status) {
    if (!S_ISDIR(status.st_mode) || !mode_fits(status.st_mode, modes_.directory, kGroupDirectory))
      return false;
    const bool unchanged = mtime_of(status) == entry.mtime_ns;
    if (scrutiny_ == Scrutiny::exact || (unchanged && scrutiny_ == Scrutiny::changed))
      return unchanged;
    // Every recorded entry is looked up anyway, so counting is enough to find one too many.
    const auto directory = entry.path == "." ? tree_.duplicate() : tree_.find(entry.path);
    return directory && directory->names().size() == recorded_names(entry.path);
  }

  bool same_file(const TreeEntry& entry, const struct stat& status) {
    if (!S_ISREG(status.st_mode) || !mode_fits(status.st_mode, modes_.file, kGroupFile) ||
        static_cast<std::uint64_t>(status.st_size) != entry.size)
      return false;
    const bool unchanged = mtime_of(status) == entry.mtime_ns;
    if (scrutiny_ == Scrutiny::exact || (unchanged && scrutiny_ == Scrutiny::changed))
      return unchanged;
    const Fd fd(::openat(tree_.fd(), entry.path.c_str(),
                         O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
    const int code = errno;
    if (!fd && says_altered(code))
      return false;
    if (!fd)
      throw system_error(code, "opening " + path_of(entry));
    return digest_of(fd.get(), entry.digest->algorithm(), tree_.path_of(entry.path)) ==
           entry.digest;
  }

  std::size_t recorded_names(std::string_view directory) {
    if (names_.empty())
      for (const TreeEntry& entry : record_.entries)
        if (entry.path != ".")
          ++names_[parent_of(entry.path)];
    return names_[directory];
  }

  std::string path_of(const TreeEntry& entry) const {
    return printable(tree_.path_of(entry.path), 4096);
  }

  const Directory& tree_;
  const TreeRecord& record_;
  const Modes modes_;
  const Scrutiny scrutiny_;
  std::unordered_map<std::string_view, std::size_t> names_;  // how many each directory holds
  TreeStamp stamp_ = 0xcbf29ce484222325ULL;
};

// Walks what was written, in no particular order.
class Stock {
 public:
  Stock(std::vector<TreeEntry> known, Modes modes) : modes_(modes) {
    for (TreeEntry& entry : known)
      if (entry.digest)
        known_.insert_or_assign(std::move(entry.path), *entry.digest);
  }

  // `prefix` is "" or ends in "/".
  void take(const Directory& directory, const std::string& prefix) {
    for (const std::string& name : directory.names()) {
      const auto status = directory.status(name);
      if (status && S_ISDIR(status->st_mode)) {
        set_mode(directory, name, *status, modes_.directory);
        add_directory(prefix + name, *status);
        take(*directory.find(name), prefix + name + "/");
      } else if (status && S_ISREG(status->st_mode)) {
        set_mode(directory, name, *status, modes_.file);
        add_file(directory, name, prefix + name, *status);
      } else {
        throw Error(Reason::internal, "a tree holds neither file nor directory: " +
                                          printable(directory.path_of(name), 4096));
      }
    }
  }

  void add_directory(std::string path, const struct stat& status) {
    entries_.push_back({std::move(path), true, 0, mtime_of(status), std::nullopt});
  }

  std::vector<TreeEntry> sorted() && {
    std::sort(entries_.begin(), entries_.end(),
              [](const TreeEntry& a, const TreeEntry& b) { return a.path < b.path; });
    return std::move(entries_);
  }

 private:
  void add_file(const Directory& directory, const std::string& name, std::string path,
                const struct stat& status) {
    const auto found = known_.find(path);
    const auto digest = found != known_.end()
                            ? found->second
                            : digest_of(directory.open_file(name).value().get(),
                                        DigestAlgorithm::sha256, directory.path_of(name));
    entries_.push_back({std::move(path), false, static_cast<std::uint64_t>(status.st_size),
                        mtime_of(status), digest});
  }

  // Setgid is inherited from the volume and keeps its group.
  static void set_mode(const Directory& directory, const std::string& name,
                       const struct stat& status, mode_t mode) {
    const mode_t kept = S_ISDIR(status.st_mode) ? status.st_mode & S_ISGID : 0;
    if ((status.st_mode & 07777) == (mode | kept))
      return;
    if (::fchmodat(directory.fd(), name.c_str(), mode | kept, 0) != 0)
      throw system_error(errno, "setting the mode of " + directory.path_of(name));
  }

  const Modes modes_;
  std::unordered_map<std::string, Digest> known_;
  std::vector<TreeEntry> entries_;
};

}  // namespace

std::optional<TreeStamp> compare(const Directory& tree, const TreeRecord& record, Modes modes,
                                 Scrutiny scrutiny) {
  return Comparison(tree, record, modes, scrutiny).run();
}

std::vector<TreeEntry> take_stock(const Directory& tree, std::vector<TreeEntry> known,
                                  Modes modes) {
  Stock stock(std::move(known), modes);
  stock.take(tree, "");

  struct stat status {};

  if (::fstat(tree.fd(), &status) != 0)
    throw system_error(errno, "examining " + tree.path().string());
  stock.add_directory(".", status);
  return std::move(stock).sorted();
}

}  // namespace ocisync
