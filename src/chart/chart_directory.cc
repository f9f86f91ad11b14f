#include "chart/chart_directory.h"

#include <algorithm>
#include <optional>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>

#include "base/error.h"
#include "base/text.h"
#include "chart/branch.h"
#include "chart/entry_name.h"
#include "chart/ignore_rules.h"

namespace ocisync {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kMostText = 1ULL << 20;  // of Chart.yaml and .helmignore
constexpr std::int64_t kNanoseconds = 1'000'000'000;

[[noreturn]] void refuse_path(Reason reason, std::string_view path, std::string_view why) {
  throw Error(reason, fmt::format("{} {}", printable(path, 200), why));
}

std::string below(std::string_view folder, std::string_view name) {
  return folder.empty() ? std::string(name) : fmt::format("{}/{}", folder, name);
}

// Where a path below `root` leads once every link on it is followed; "" is the root itself. The
// answer holds no links, so nothing is followed when it is opened.
std::string origin_of(const Directory& root, const std::string& path) {
  std::error_code failure;
  const fs::path real_root = fs::canonical(root.path(), failure);
  const fs::path real = failure ? fs::path() : fs::canonical(root.path() / path, failure);
  if (failure)
    refuse_path(Reason::chart_invalid, path,
                fmt::format("is a symbolic link that leads nowhere ({})", failure.message()));
  const fs::path relative = real.lexically_relative(real_root);
  if (relative.empty() || *relative.begin() == "..")
    refuse_path(Reason::chart_invalid, path, "is a symbolic link that leads out of the chart");
  return relative == "." ? "" : relative.string();
}

std::optional<std::string> read_text(const Directory& root, const std::string& path) {
  const std::string folder(parent_of(path));
  const auto parent = folder.empty() ? root.duplicate() : root.find(folder);
  return parent ? parent->read(last_of(path), kMostText) : std::nullopt;
}

IgnoreRules read_rules(const Directory& root) {
  const bool present = root.status(".helmignore").has_value();
  return IgnoreRules::parse(present ? read_text(root, origin_of(root, ".helmignore")).value_or("")
                                    : "");
}

Error changed() {
  return Error(Reason::chart_invalid, "the chart's directory changed while it was read")
      .hint("save it again when nothing writes to it");
}

Directory open_root(const fs::path& path) {
  std::error_code failure;
  if (!fs::is_directory(path, failure))
    throw Error(Reason::usage_invalid,
                fmt::format("{} is not a directory", printable(path.string(), 4096)))
        .hint("a chart is its directory or its .tgz archive");
  return Directory::open(path);
}

}  // namespace

ChartDirectory::Stamp::Stamp(const struct stat& status)
    : device(status.st_dev),
      inode(status.st_ino),
      size(static_cast<std::uint64_t>(status.st_size)),
      mtime_ns(status.st_mtim.tv_sec * kNanoseconds + status.st_mtim.tv_nsec),
      ctime_ns(status.st_ctim.tv_sec * kNanoseconds + status.st_ctim.tv_nsec) {}

// One walk over the directory, which lists and judges.
class ChartDirectory::Walk {
 public:
  Walk(const Directory& root, const ArchiveLimits& limits)
      : root_(root), limits_(limits), rules_(read_rules(root)) {}

  Listing run() && {
    enter("", "", root_);
    return std::move(listing_);
  }

 private:
  // `folder` is what it is called in the chart, `origin` where it is.
  void enter(const std::string& folder, const std::string& origin, const Directory& directory) {
    if (std::find(open_.begin(), open_.end(), origin) != open_.end())
      refuse_path(Reason::chart_invalid, folder, "is a symbolic link to a directory that holds it");
    open_.push_back(origin);
    std::vector<std::string> names = directory.names();
    std::sort(names.begin(), names.end());
    for (const std::string& name : names)
      visit(below(folder, name), below(origin, name), directory, name);
    open_.pop_back();
  }

  void visit(const std::string& path, std::string origin, const Directory& parent,
             const std::string& name) {
    auto status = parent.status(name);
    if (status && S_ISLNK(status->st_mode)) {
      if (rules_.ignores(path, false) && rules_.ignores(path, true))
        return;  // wherever it leads
      origin = origin_of(root_, path);
      status = status_of(origin);
    }
    if (!status)
      throw changed();
    const bool directory = S_ISDIR(status->st_mode);
    if (rules_.ignores(path, directory))
      return;
    EntryName::parse(below("-", path), directory, limits_);
    if (++entries_ > limits_.entries)
      throw Error(Reason::limit_exceeded,
                  fmt::format("the chart has more than {} files and directories", limits_.entries));
    if (directory) {
      const auto child = origin.empty() ? root_.duplicate() : root_.find(origin);
      if (!child)
        throw changed();
      const std::size_t before = listing_.files.size();
      enter(path, origin, *child);
      if (listing_.files.size() == before) {
        listing_.files.push_back({path + "/", origin});
        listing_.stamps.emplace_back(*status);
      }
    } else {
      add_file(path, std::move(origin), *status);
    }
  }

  void add_file(const std::string& path, std::string origin, const struct stat& status) {
    if (!S_ISREG(status.st_mode))
      refuse_path(Reason::chart_invalid, path, "is neither a file nor a directory");
    const Stamp stamp(status);
    if (stamp.size > limits_.file_size)
      refuse_path(Reason::limit_exceeded, path,
                  fmt::format("is larger than {}", human_size(limits_.file_size)));
    if (stamp.size > limits_.unpacked_size - listing_.bytes)
      throw Error(Reason::limit_exceeded,
                  fmt::format("the chart's files are larger than {} together",
                              human_size(limits_.unpacked_size)));
    listing_.bytes += stamp.size;
    listing_.files.push_back({path, std::move(origin)});
    listing_.stamps.push_back(stamp);
  }

  std::optional<struct stat> status_of(const std::string& origin) const {
    struct stat status = {};
    const char* name = origin.empty() ? "." : origin.c_str();
    if (::fstatat(root_.fd(), name, &status, AT_SYMLINK_NOFOLLOW) != 0)
      return std::nullopt;
    return status;
  }

  const Directory& root_;
  const ArchiveLimits& limits_;
  IgnoreRules rules_;
  Listing listing_;
  std::vector<std::string> open_;  // the directories we are in, by where they are
  std::uint64_t entries_ = 0;
};

ChartDirectory::ChartDirectory(Directory root, const ArchiveLimits& limits)
    : root_(std::move(root)), limits_(limits), listing_(Walk(root_, limits_).run()) {
  const auto chart_yaml =
      std::find_if(listing_.files.begin(), listing_.files.end(),
                   [](const PackedFile& file) { return file.path == "Chart.yaml"; });
  const auto text =
      chart_yaml == listing_.files.end() ? std::nullopt : read_text(root_, chart_yaml->origin);
  if (!text)
    throw Error(Reason::chart_invalid, "there is no Chart.yaml");
  metadata_ = read_chart_yaml(*text);
}

ChartDirectory ChartDirectory::open(const fs::path& path, const ArchiveLimits& limits) {
  Directory root = open_root(path);
  return during([&] { return "reading the chart " + printable(path.string(), 4096); },
                [&] { return ChartDirectory(std::move(root), limits); });
}

void ChartDirectory::pack_content(Sink& out) const {
  ocisync::pack_content(root_, listing_.files, out);
}

void ChartDirectory::require_unchanged() const {
  if (Walk(root_, limits_).run() != listing_)
    throw changed();
}

}  // namespace ocisync
