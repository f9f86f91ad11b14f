#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "oci/digest.h"

namespace ocisync {

// Media types, spelled out once.
namespace media_type {
inline constexpr std::string_view kManifest = "application/vnd.oci.image.manifest.v1+json";
inline constexpr std::string_view kIndex = "application/vnd.oci.image.index.v1+json";
inline constexpr std::string_view kDockerManifest =
    "application/vnd.docker.distribution.manifest.v2+json";
inline constexpr std::string_view kDockerList =
    "application/vnd.docker.distribution.manifest.list.v2+json";
inline constexpr std::string_view kImageConfig = "application/vnd.oci.image.config.v1+json";
inline constexpr std::string_view kHelmConfig = "application/vnd.cncf.helm.config.v1+json";
inline constexpr std::string_view kChart = "application/vnd.cncf.helm.chart.content.v1.tar+gzip";
inline constexpr std::string_view kChartLegacy = "application/tar+gzip";
inline constexpr std::string_view kChartBeta =
    "application/vnd.cncf.helm.chart.content.layer.v1+tar";
inline constexpr std::string_view kMetaAlpha2 =
    "application/vnd.cncf.helm.chart.meta.layer.v1+json";
inline constexpr std::string_view kChartAlpha1 = "application/vnd.cncf.helm.chart.content.v1+tar";
inline constexpr std::string_view kMetaAlpha1 = "application/vnd.cncf.helm.chart.meta.v1+json";
inline constexpr std::string_view kProvenance =
    "application/vnd.cncf.helm.chart.provenance.v1.prov";
}  // namespace media_type

using Annotations = std::map<std::string, std::string>;

// What one blob or manifest is (OCI image-spec descriptor). `size` is a limit, not a hint.
struct Descriptor {
  std::string media_type;
  Digest digest;
  std::uint64_t size;
  std::string artifact_type;  // empty when not given
  Annotations annotations;
};

struct Manifest {
  Descriptor config;
  std::vector<Descriptor> layers;
  Annotations annotations;
};

struct Index {
  std::vector<Descriptor> manifests;  // of unknown type too, where a Descriptor can express them
};

using Document = std::variant<Manifest, Index>;

inline constexpr std::uint64_t kMaxLayers = 32;

// Reads what a registry served as a manifest. `content_type` is the header without parameters,
// empty when absent: then the body's mediaType decides, then its shape. Throws
// Error(protocol_violation) for anything malformed, for a body that contradicts its content type,
// and for one that could be both manifest and index (CVE-2021-41190); (unsupported) for schema 1
// and Docker image manifests.
Document parse_document(std::string_view body, std::string_view content_type);

// The wire formats in which a Helm 3 or 4 ever pushed a chart.
enum class ChartFormat { current, legacy, beta, alpha2, alpha1 };
std::string_view to_string(ChartFormat format);

// Which blobs of a manifest make the chart. Layers are found by media type, never by position;
// layers of unknown type are left alone.
struct ChartManifest {
  ChartFormat format;
  Descriptor config;  // alpha formats: the meta layer, which holds what config holds elsewhere
  Descriptor content;
  std::optional<Descriptor> provenance;
  // alpha formats carry these beside the blobs instead of inside them
  std::string name;
  std::string version;

  // Formats before beta split a chart: content lacks name, version and the real Chart.yaml.
  bool split() const { return format == ChartFormat::alpha1 || format == ChartFormat::alpha2; }
};

// Throws Error(unsupported) naming what was found instead of a chart, and (ambiguous_chart) when
// two layers claim to be it.
ChartManifest recognise_chart(const Manifest& manifest);

// The bytes of a manifest as Helm writes one: compact JSON in its key order. `config`, `content`
// and so on are described by digest and size; media types and layer annotations are the format's.
// The format of Helm 3.7 and later; without a "mediaType" of its own, annotations sorted by key.
std::string current_manifest(const Descriptor& config, const Descriptor& content,
                             const std::optional<Descriptor>& provenance,
                             const Annotations& annotations);
// The format of Helm 3.0.0-alpha.1: two layers, a config that is kEmptyConfig, name and version as
// annotations of the content layer.
std::string split_manifest(const Descriptor& meta, const Descriptor& content,
                           const std::string& name, const std::string& version);
inline constexpr std::string_view kEmptyConfig = "{}";

}  // namespace ocisync
