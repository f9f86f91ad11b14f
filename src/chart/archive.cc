#include "chart/archive.h"

#include <algorithm>
#include <optional>
#include <unordered_map>

#include <fmt/format.h>

#include "base/error.h"
#include "base/text.h"
#include "chart/branch.h"
#include "chart/entry_name.h"
#include "chart/gzip.h"
#include "chart/tar_reader.h"

namespace ocisync {
namespace {

constexpr std::uint64_t kMostChartYaml = 1ULL << 20;
constexpr std::uint64_t kMostValuesYaml = 1ULL << 20;
constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

// What may come out of gzip: the files, and the headers and padding that a tar of so many entries
// needs at most (a PAX header with its records, the header proper, the last block's rest).
InflateBounds bounds_of(const ArchiveLimits& limits) {
  constexpr std::uint64_t kMost = 1ULL << 50U;
  constexpr std::uint64_t kPerEntry = 3 * 1024;
  constexpr std::uint64_t kEndOfArchive = 64 * 1024;
  const std::uint64_t headers = std::min(limits.entries, kMost / kPerEntry) * kPerEntry;
  return {std::min(limits.unpacked_size, kMost) + headers + kEndOfArchive, limits.ratio};
}

void require_plain(const TarEntry& entry) {
  switch (entry.kind) {
    case TarEntry::Kind::file:
    case TarEntry::Kind::directory:
      return;
    case TarEntry::Kind::symbolic_link:
      refuse_entry(Reason::chart_invalid, entry.name, "is a symbolic link");
    case TarEntry::Kind::hard_link:
      refuse_entry(Reason::chart_invalid, entry.name, "is a hard link");
    case TarEntry::Kind::sparse_file:
      refuse_entry(Reason::chart_invalid, entry.name, "is a sparse file");
    case TarEntry::Kind::special:
      refuse_entry(Reason::chart_invalid, entry.name, "is neither a file nor a directory");
  }
}

// Which names an archive has used, and as what. Directories count whether they have an entry or are
// only implied by a file's name.
class UsedNames {
 public:
  explicit UsedNames(std::uint64_t most_directories) : most_directories_(most_directories) {}

  void add_file(const std::string& path) {
    add_directory(std::string(parent_of(path)));
    const auto [used, fresh] = names_.try_emplace(path, Kind::file);
    if (!fresh)
      refuse_entry(Reason::chart_invalid, path,
                   used->second == Kind::file ? "appears twice" : "is both a file and a directory");
  }

  void add_directory(const std::string& path) {
    std::string_view rest = path;
    while (!rest.empty()) {
      const auto [used, fresh] = names_.try_emplace(std::string(rest), Kind::directory);
      if (used->second == Kind::file)
        refuse_entry(Reason::chart_invalid, rest, "is both a file and a directory");
      if (!fresh)
        return;  // its parents were noted with it
      if (++directories_ > most_directories_)
        throw Error(Reason::limit_exceeded,
                    fmt::format("the archive has more than {} directories", most_directories_));
      rest = parent_of(rest);
    }
  }

 private:
  enum class Kind { file, directory };

  std::uint64_t most_directories_;
  std::uint64_t directories_ = 0;
  std::unordered_map<std::string, Kind> names_;
};

// One file being written; or, where nothing is to be written, only looked at.
class Place {
 public:
  Place() = default;

  Place(const Directory& parent, const std::string& name, mode_t mode)
      : file_(parent.create_file(name, mode)), path_(parent.path_of(name)) {}

  void write(Bytes bytes) const {
    if (file_)
      write_all(file_.get(), bytes, path_);
  }

 private:
  Fd file_;
  std::string path_;
};

class Unpacker {
 public:
  // `into` may be null: then nothing is written.
  Unpacker(const Directory* into, const ArchiveLimits& limits, Modes modes, EmptyDirectories empty)
      : limits_(limits), modes_(modes), empty_(empty), names_(limits.entries), chunk_(64 * 1024) {
    if (into)
      branch_.emplace(*into, modes.directory);
  }

  // Judges the entry, then writes what it holds.
  void take(const TarEntry& entry, TarReader& tar) {
    if (++entries_ > limits_.entries)
      throw Error(Reason::limit_exceeded,
                  fmt::format("the archive has more than {} entries", limits_.entries));
    require_plain(entry);
    const bool directory = entry.kind == TarEntry::Kind::directory;
    const EntryName name = EntryName::parse(entry.name, directory, limits_);
    require_one_top(name, entry);
    if (directory) {
      names_.add_directory(name.path);
      if (branch_ && empty_ == EmptyDirectories::keep)
        branch_->reach(name.path);
      return;
    }
    require_size(entry);
    names_.add_file(name.path);
    take_file(name.path, entry, tar);
  }

  UnpackedChart finish() {
    if (!chart_yaml_)
      throw Error(Reason::chart_invalid, "the archive has no Chart.yaml in its top directory");
    result_.chart_yaml = chart_yaml_->take();
    if (values_yaml_)
      result_.values_yaml = values_yaml_->take();
    std::sort(result_.files.begin(), result_.files.end(),
              [](const ArchivedFile& a, const ArchivedFile& b) { return a.path < b.path; });
    return std::move(result_);
  }

 private:
  void require_one_top(const EntryName& name, const TarEntry& entry) {
    if (result_.top.empty())
      result_.top = name.top;
    else if (result_.top != name.top)
      refuse_entry(
          Reason::chart_invalid, entry.name,
          fmt::format("is in a second top directory beside \"{}\"", printable(result_.top, 200)));
  }

  void require_size(const TarEntry& entry) {
    if (entry.size > limits_.file_size)
      refuse_entry(Reason::limit_exceeded, entry.name,
                   fmt::format("is larger than {}", human_size(limits_.file_size)));
    if (entry.size > limits_.unpacked_size - declared_)
      throw Error(Reason::limit_exceeded,
                  fmt::format("the archive's files are larger than {} together",
                              human_size(limits_.unpacked_size)));
    declared_ += entry.size;
  }

  Place place_for(const std::string& path) {
    if (!branch_)
      return {};
    return {branch_->reach(parent_of(path)), std::string(last_of(path)), modes_.file};
  }

  // Where the text of a file goes that is wanted whole.
  CappedBuffer* text_of(const std::string& path, const TarEntry& entry) {
    if (path == "Chart.yaml")
      return &chart_yaml_.emplace(kMostChartYaml, "Chart.yaml");
    if (!branch_ && path == "values.yaml" && entry.size <= kMostValuesYaml)
      return &values_yaml_.emplace(kMostValuesYaml, "values.yaml");
    return nullptr;
  }

  void take_file(const std::string& path, const TarEntry& entry, TarReader& tar) {
    const Place file = place_for(path);
    CappedBuffer* const text = text_of(path, entry);
    std::uint64_t read = 0;
    std::uint64_t written = 0;
    while (const std::size_t count = tar.read(chunk_)) {
      Bytes bytes = Bytes(chunk_).first(count);
      if (read == 0 && as_text(bytes).starts_with(kByteOrderMark))
        bytes = bytes.subspan(kByteOrderMark.size());
      read += count;
      written += bytes.size();
      if (read > entry.size)
        break;
      file.write(bytes);
      hasher_.update(bytes);
      if (text)
        text->write(bytes);
    }
    if (read != entry.size)
      refuse_entry(Reason::chart_invalid, entry.name, "is not of the size it declares");
    result_.unpacked_bytes += written;
    result_.files.push_back({path, written, hasher_.finish()});
  }

  const ArchiveLimits& limits_;
  Modes modes_;
  EmptyDirectories empty_;
  UsedNames names_;
  std::optional<Branch> branch_;
  std::vector<std::byte> chunk_;
  Hasher hasher_;
  std::uint64_t entries_ = 0;
  std::uint64_t declared_ = 0;
  std::optional<CappedBuffer> chart_yaml_, values_yaml_;
  UnpackedChart result_;
};

UnpackedChart take_all(Source& archive, const ArchiveLimits& limits, Unpacker unpacker) {
  GzipReader inflated(archive, bounds_of(limits));
  TarReader tar(inflated);
  while (const auto entry = tar.next())
    unpacker.take(*entry, tar);
  return unpacker.finish();
}

}  // namespace

UnpackedChart unpack_chart(Source& archive, const Directory& into, const ArchiveLimits& limits,
                           Modes modes, EmptyDirectories empty) {
  return take_all(archive, limits, Unpacker(&into, limits, modes, empty));
}

UnpackedChart inspect_chart(Source& archive, const ArchiveLimits& limits) {
  return take_all(archive, limits,
                  Unpacker(nullptr, limits, kDefaultModes, EmptyDirectories::drop));
}

}  // namespace ocisync
