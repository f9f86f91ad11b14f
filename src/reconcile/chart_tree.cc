#include "reconcile/chart_tree.h"

#include <fmt/format.h>

#include "chart/archive.h"
#include "chart/packer.h"
#include "chart/split.h"

namespace ocisync {
namespace {

constexpr std::string_view kProvenanceSuffix = ".prov";
constexpr std::size_t kLongestName = 255;

// The bytes of a blob, for as long as `keep_on` lets it.
class BlobSource final : public Source {
 public:
  BlobSource(const BlobCache& cache, const BlobFile& blob, const std::function<void()>& keep_on)
      : fd_(cache.open(blob)), file_(fd_.get(), blob.digest.str()), keep_on_(keep_on) {}

  std::size_t read(std::span<std::byte> into) override {
    keep_on_();
    return file_.read(into);
  }

 private:
  Fd fd_;
  FileSource file_;
  const std::function<void()>& keep_on_;
};

// Writes to a new file, hashing on the way, so that its record needs no second reading.
class RecordedFile final : public Sink {
 public:
  RecordedFile(const Directory& into, std::string name, mode_t mode)
      : fd_(into.create_file(name, mode)), path_(into.path_of(name)), name_(std::move(name)) {}

  void write(Bytes bytes) override {
    write_all(fd_.get(), bytes, path_);
    hasher_.update(bytes);
    size_ += bytes.size();
  }

  TreeEntry entry() {
    return {.path = name_,
            .directory = false,
            .size = size_,
            .mtime_ns = 0,
            .digest = hasher_.finish()};
  }

 private:
  Fd fd_;
  std::string path_;
  std::string name_;
  Hasher hasher_;
  std::uint64_t size_ = 0;
};

TreeEntry copy(BlobSource source, const Directory& into, std::string name, mode_t mode) {
  RecordedFile file(into, std::move(name), mode);
  std::vector<std::byte> chunk(128 * 1024);
  while (const std::size_t count = source.read(chunk))
    file.write(Bytes(chunk).first(count));
  return file.entry();
}

void add_files(TreeRecord& record, const UnpackedChart& chart, const std::string& below) {
  for (const ArchivedFile& file : chart.files)
    record.entries.push_back({.path = below + file.path,
                              .directory = false,
                              .size = file.size,
                              .mtime_ns = 0,
                              .digest = file.digest});
}

// The archive beside (or instead of) the files: what the registry serves, or for a split chart the
// same files packed again.
void add_archive(TreeRecord& record, const BlobCache& cache, const CachedChart& chart,
                 const UnpackedChart& unpacked, const Directory& files, Modes modes,
                 const std::function<void()>& keep_on, const Directory& into) {
  const std::string name = fmt::format("{}-{}.tgz", record.chart_name, record.chart_version);
  if (name.size() + kProvenanceSuffix.size() > kLongestName)
    throw Error(Reason::chart_invalid,
                fmt::format("the chart's name and version have {} bytes, too many for a file name",
                            record.chart_name.size() + record.chart_version.size()));
  if (!chart.manifest.split()) {
    record.entries.push_back(copy({cache, chart.content, keep_on}, into, name, modes.file));
  } else {
    std::vector<std::string> paths;
    for (const ArchivedFile& file : unpacked.files)
      paths.push_back(file.path);
    RecordedFile packed(into, name, modes.file);
    pack_chart(files, paths, record.chart_name, packed);
    record.entries.push_back(packed.entry());
    record.assembled = true;
  }
  if (chart.provenance)
    record.entries.push_back(copy({cache, *chart.provenance, keep_on}, into,
                                  name + std::string(kProvenanceSuffix), modes.file));
}

}  // namespace

ArchiveLimits archive_limits(const LimitsSpec& spec) {
  ArchiveLimits limits;
  limits.unpacked_size = spec.unpacked_size;
  limits.file_size = spec.file_size;
  limits.entries = spec.entries;
  limits.ratio = spec.ratio;
  return limits;
}

UnpackedChart unpack_cached_chart(const BlobCache& cache, const CachedChart& chart,
                                  const LimitsSpec& limits, Modes modes,
                                  const std::function<void()>& keep_on, const Directory& into) {
  BlobSource source(cache, chart.content, keep_on);
  if (!chart.manifest.split())
    return unpack_chart(source, into, archive_limits(limits), modes);
  return join_split_chart(source, cache.read(chart.config, chart.config.size), chart.manifest.name,
                          chart.manifest.version, into, archive_limits(limits), modes);
}

TreeRecord fill_chart_tree(const BlobCache& cache, const CachedChart& chart, ExportFormat format,
                           const LimitsSpec& limits, Modes modes,
                           const std::function<void()>& keep_on, const Directory& into) {
  TreeRecord record;
  const auto name_it = [&](const UnpackedChart& unpacked) {
    const ChartMetadata metadata = read_chart_yaml(unpacked.chart_yaml);
    record.chart_name = metadata.name;
    record.chart_version = metadata.version;
  };
  if (format == ExportFormat::directory) {
    const UnpackedChart unpacked = unpack_cached_chart(cache, chart, limits, modes, keep_on, into);
    name_it(unpacked);
    add_files(record, unpacked, "");
    return record;
  }
  // The directory's final name is only known once Chart.yaml was read.
  const std::string temporary = private_name(".unpacking-");
  into.make_directory(temporary, modes.directory);
  const Directory files = *into.find(temporary);
  const UnpackedChart unpacked = unpack_cached_chart(cache, chart, limits, modes, keep_on, files);
  name_it(unpacked);
  add_archive(record, cache, chart, unpacked, files, modes, keep_on, into);
  if (format == ExportFormat::both) {
    if (!into.rename_new(temporary, into, record.chart_name))
      throw Error(
          Reason::chart_invalid,
          fmt::format("the chart's name '{}' is also the name of its archive", record.chart_name));
    add_files(record, unpacked, record.chart_name + "/");
  } else {
    into.remove_tree(temporary);
  }
  return record;
}

UnpackedChart inspect_chart_content(const ChartManifest& chart, Source& content,
                                    std::string_view meta, const LimitsSpec& limits) {
  if (!chart.split())
    return inspect_chart(content, archive_limits(limits));
  return inspect_split_chart(content, meta, chart.name, chart.version, archive_limits(limits));
}

}  // namespace ocisync
