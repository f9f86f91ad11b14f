#include "reconcile/saved_chart.h"

#include <fmt/format.h>

#include "base/error.h"
#include "chart/packer.h"
#include "store/staging.h"

namespace ocisync {
namespace {

constexpr std::uint64_t kMetaLimit = 4ULL << 20;
constexpr std::uint64_t kManifestLimit = 4ULL << 20;
constexpr int kMostNested = 3;

BlobFile intact(BlobCache& cache, const Reference& reference, std::string_view role,
                const Digest& digest) {
  if (const auto blob = cache.find(digest))
    return *blob;
  throw Error(Reason::digest_mismatch,
              fmt::format("the {} blob {} of {} is damaged", role, digest.str(), reference.str()))
      .hint("save or pull the chart again, or run ocisync cache check --repair");
}

// The chart whose content this is, by a manifest or by one that an index leads to.
std::optional<ChartManifest> described_by(BlobCache& cache, const Digest& digest,
                                          const Digest& content, int depth = 0) {
  const auto blob = cache.find(digest);
  if (!blob || depth > kMostNested)
    return std::nullopt;
  const Document document = parse_document(cache.read(*blob, kManifestLimit), "");
  if (const auto* manifest = std::get_if<Manifest>(&document)) {
    ChartManifest chart = recognise_chart(*manifest);
    return chart.content.digest == content ? std::optional(std::move(chart)) : std::nullopt;
  }
  for (const Descriptor& child : std::get<Index>(document).manifests)
    try {
      if (auto chart = described_by(cache, child.digest, content, depth + 1))
        return chart;
    } catch (const Error&) {  // NOLINT(bugprone-empty-catch): an image beside the chart
    }
  return std::nullopt;
}

ChartManifest described_by_meta(const BlobCache& cache, const ReferenceEntry& entry,
                                const BlobFile& meta, const BlobFile& content) {
  if (Json::parse(cache.read(meta, kMetaLimit)).find("name") != nullptr)
    return {.format = ChartFormat::current,
            .config = descriptor_of(meta, media_type::kHelmConfig),
            .content = descriptor_of(content, media_type::kChart),
            .provenance = std::nullopt,
            .name = {},
            .version = {}};
  return {.format = ChartFormat::alpha1,
          .config = descriptor_of(meta, media_type::kMetaAlpha1),
          .content = descriptor_of(content, media_type::kChartAlpha1),
          .provenance = std::nullopt,
          .name = entry.name,
          .version = entry.version};
}

}  // namespace

std::optional<SavedChart> find_saved_chart(BlobCache& cache, const ReferenceStore& references,
                                           const Reference& reference) {
  const auto entry = references.find(reference);
  if (!entry)
    return std::nullopt;
  const BlobFile meta = intact(cache, reference, "meta", entry->meta);
  const BlobFile content = intact(cache, reference, "content", entry->content);
  std::optional<ChartManifest> manifest;
  if (entry->manifest)
    manifest = described_by(cache, intact(cache, reference, "manifest", *entry->manifest).digest,
                            entry->content);
  if (!manifest)
    manifest = described_by_meta(cache, *entry, meta, content);
  const auto provenance =
      manifest->provenance ? cache.find(*manifest->provenance) : std::optional<BlobFile>();
  return SavedChart{reference, *entry, {*std::move(manifest), meta, content, provenance}};
}

StandardChart standard_chart(BlobCache& cache, const SavedChart& saved, const LimitsSpec& limits) {
  const StagingDirectory work(cache.volume());
  const Directory& files = work.directory();
  const UnpackedChart unpacked = unpack_cached_chart(
      cache, saved.chart, limits, kDefaultModes, [] {}, files);
  ChartMetadata metadata = read_chart_yaml(unpacked.chart_yaml);
  if (!saved.chart.manifest.split())
    return {saved.chart.content, std::move(metadata), false};
  std::vector<std::string> paths;
  for (const ArchivedFile& file : unpacked.files)
    paths.push_back(file.path);
  const auto packed =
      cache.produce(limits.archive_size, "the archive of " + saved.reference.str(),
                    [&](Sink& out) { pack_chart(files, paths, metadata.name, out); });
  return {packed.blob, std::move(metadata), true};
}

}  // namespace ocisync
