#include "reconcile/chart_save.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include "base/error.h"
#include "base/text.h"
#include "chart/chart_directory.h"
#include "reconcile/chart_tree.h"
#include "reconcile/resolver.h"
#include "store/layout_index.h"
#include "store/roots.h"
#include "store/staging.h"

namespace ocisync {
namespace {

namespace fs = std::filesystem;

BlobCache::Produced keep_text(BlobCache& cache, const std::string& text) {
  const bool is_new = !cache.find(Digest::of(text));
  return {cache.keep(text), is_new};
}

Error changed(const fs::path& path) {
  return Error(Reason::chart_invalid,
               fmt::format("{} changed while it was read", printable(path.string(), 4096)))
      .hint("save it again when nothing writes to it");
}

BlobCache::Produced produce(BlobCache& cache, const fs::path& path, const LimitsSpec& limits,
                            const std::function<void(Sink&)>& write) {
  try {
    return cache.produce(limits.archive_size, "the chart's archive", write);
  } catch (const Error& error) {
    if (error.reason() == Reason::digest_mismatch)
      throw changed(path);
    throw;
  }
}

// A chart that would not come out of the cache again is not let in.
void require_ratio(std::uint64_t unpacked, std::uint64_t packed, const LimitsSpec& limits) {
  constexpr std::uint64_t kFree = 1ULL << 20;
  if (unpacked > kFree && unpacked / std::max<std::uint64_t>(packed, 1) >= limits.ratio)
    throw Error(Reason::limit_exceeded,
                fmt::format("the chart shrinks to less than a {}th: {} to {}", limits.ratio,
                            human_size(unpacked), human_size(packed)));
}

StoredChart store_directory(BlobCache& cache, const fs::path& path, const LimitsSpec& limits) {
  const ChartDirectory chart = ChartDirectory::open(path, archive_limits(limits));
  const auto content = produce(cache, path, limits, [&](Sink& out) { chart.pack_content(out); });
  chart.require_unchanged();
  require_ratio(chart.size(), content.blob.size, limits);
  const ChartMetadata& metadata = chart.metadata();
  const auto meta = keep_text(cache, chart_meta_json(metadata));
  cache.keep(kEmptyConfig);
  const BlobFile manifest = cache.keep(split_manifest(
      descriptor_of(meta.blob), descriptor_of(content.blob), metadata.name, metadata.version));
  return {{metadata.name, metadata.version, content.blob.digest, meta.blob.digest, manifest.digest},
          meta,
          content};
}

// Reads a file from its start each time, hashing on the way.
class HashedFile final : public Source {
 public:
  explicit HashedFile(int fd, const fs::path& path) : file_(fd, path) { ::lseek(fd, 0, SEEK_SET); }

  std::size_t read(std::span<std::byte> into) override {
    const std::size_t count = file_.read(into);
    hasher_.update(Bytes(into).first(count));
    return count;
  }

  Digest digest() { return hasher_.finish(); }

 private:
  FileSource file_;
  Hasher hasher_;
};

ChartMetadata judge_archive(const BlobCache& cache, Source& archive, const LimitsSpec& limits) {
  const StagingDirectory work(cache.volume());
  return read_chart_yaml(
      unpack_chart(archive, work.directory(), archive_limits(limits), kDefaultModes).chart_yaml);
}

std::optional<BlobFile> keep_provenance(BlobCache& cache, const fs::path& archive) {
  const auto text = read_user_file(archive.string() + ".prov", kProvenanceLimit);
  return text ? std::optional(cache.keep(*text)) : std::nullopt;
}

StoredChart store_archive(BlobCache& cache, const Fd& file, const fs::path& path,
                          const LimitsSpec& limits) {
  HashedFile judged(file.get(), path);
  const ChartMetadata metadata = judge_archive(cache, judged, limits);
  const auto content = produce(cache, path, limits, [&](Sink& out) {
    HashedFile again(file.get(), path);
    std::vector<std::byte> chunk(64 * 1024);
    while (const std::size_t count = again.read(chunk))
      out.write(Bytes(chunk).first(count));
  });
  if (content.blob.digest != judged.digest())
    throw changed(path);
  const auto provenance = keep_provenance(cache, path);
  const auto meta = keep_text(cache, chart_json(metadata));
  const BlobFile manifest = cache.keep(
      current_manifest(descriptor_of(meta.blob), descriptor_of(content.blob),
                       provenance ? std::optional(descriptor_of(*provenance)) : std::nullopt, {}));
  return {{metadata.name, metadata.version, content.blob.digest, meta.blob.digest, manifest.digest},
          meta,
          content};
}

}  // namespace

StoredChart store_chart(BlobCache& cache, const fs::path& path, const LimitsSpec& limits) {
  const Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  struct stat status = {};
  if (!fd || ::fstat(fd.get(), &status) != 0)
    throw Error(Reason::usage_invalid,
                system_error(errno, "opening the chart " + printable(path.string(), 4096)).what());
  if (S_ISDIR(status.st_mode))
    return store_directory(cache, path, limits);
  if (!S_ISREG(status.st_mode))
    throw Error(Reason::usage_invalid,
                fmt::format("{} is neither a directory nor a file", printable(path.string(), 4096)))
        .hint("a chart is its directory or its .tgz archive");
  return during([&] { return "reading the chart " + printable(path.string(), 4096); },
                [&] { return store_archive(cache, fd, path, limits); });
}

void keep_chart(const ReferenceStore& references, const Volume& volume, const Reference& reference,
                const ReferenceEntry& entry) {
  pin(volume, reference);  // first: killed in between, a pin too many does no harm
  references.put(reference, entry);
  rebuild_layout_index(volume, references);
}

}  // namespace ocisync
