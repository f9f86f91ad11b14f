#include "reconcile/chart_push.h"

#include <utility>
#include <vector>

#include "chart/archive_time.h"
#include "chart/oci_annotations.h"
#include "chart/packer.h"
#include "reconcile/chart_tree.h"
#include "store/staging.h"

namespace ocisync {
namespace {

// Read from the cache each time it is sent, and held to its digest then.
PushBlob push_blob(const BlobCache& cache, const BlobFile& blob) {
  return {descriptor_of(blob), [&cache, blob] { return cache.read(blob, blob.size); }};
}

std::optional<WallTime> archive_time(const BlobCache& cache, const StandardChart& chart,
                                     const LimitsSpec& limits) {
  if (chart.assembled)
    return std::nullopt;
  const Fd fd = cache.open(chart.archive);
  FileSource source(fd.get(), "the chart archive");
  return newest_entry(source, archive_limits(limits));
}

ChartPush current_push(BlobCache& cache, const SavedChart& saved, std::optional<WallTime> created,
                       const LimitsSpec& limits) {
  const StandardChart chart = standard_chart(cache, saved, limits);
  if (!created)
    created = archive_time(cache, chart, limits);
  const BlobFile config = cache.keep(chart_json(chart.metadata));
  const auto& provenance = saved.chart.provenance;
  PushArtifact artifact;
  artifact.manifest =
      current_manifest(descriptor_of(config), descriptor_of(chart.archive),
                       provenance ? std::optional(descriptor_of(*provenance)) : std::nullopt,
                       oci_annotations(chart.metadata, created));
  artifact.blobs = {push_blob(cache, config), push_blob(cache, chart.archive)};
  if (provenance)
    artifact.blobs.push_back(push_blob(cache, *provenance));
  const ReferenceEntry sent{chart.metadata.name, chart.metadata.version, chart.archive.digest,
                            config.digest, Digest::of(artifact.manifest)};
  return {std::move(artifact), sent, provenance ? 2U : 1U,
          chart.archive.size + (provenance ? provenance->size : 0)};
}

struct SplitChart {
  BlobFile meta, content;
  std::string name, version;
};

// Taken apart as a directory is when it is saved.
SplitChart split_chart(BlobCache& cache, const SavedChart& saved, const LimitsSpec& limits) {
  const StagingDirectory work(cache.volume());
  const UnpackedChart unpacked = unpack_cached_chart(
      cache, saved.chart, limits, kDefaultModes, [] {}, work.directory());
  const ChartMetadata metadata = read_chart_yaml(unpacked.chart_yaml);
  if (saved.chart.manifest.split())
    return {saved.chart.config, saved.chart.content, metadata.name, metadata.version};
  std::vector<PackedFile> files;
  for (const ArchivedFile& file : unpacked.files)
    files.push_back({file.path, file.path});
  const auto content =
      cache.produce(limits.archive_size, "the content of " + saved.reference.str(),
                    [&](Sink& out) { pack_content(work.directory(), files, out); });
  return {cache.keep(chart_meta_json(metadata)), content.blob, metadata.name, metadata.version};
}

ChartPush split_push(BlobCache& cache, const SavedChart& saved, const LimitsSpec& limits) {
  const SplitChart chart = split_chart(cache, saved, limits);
  PushArtifact artifact;
  artifact.manifest = split_manifest(descriptor_of(chart.meta), descriptor_of(chart.content),
                                     chart.name, chart.version);
  artifact.blobs = {push_blob(cache, cache.keep(kEmptyConfig)), push_blob(cache, chart.meta),
                    push_blob(cache, chart.content)};
  const ReferenceEntry sent{chart.name, chart.version, chart.content.digest, chart.meta.digest,
                            Digest::of(artifact.manifest)};
  return {std::move(artifact), sent, 2, chart.meta.size + chart.content.size};
}

}  // namespace

ChartPush prepare_push(BlobCache& cache, const SavedChart& saved, PushFormat format,
                       std::optional<WallTime> created, const LimitsSpec& limits) {
  return format == PushFormat::split ? split_push(cache, saved, limits)
                                     : current_push(cache, saved, created, limits);
}

}  // namespace ocisync
