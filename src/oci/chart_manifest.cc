#include <algorithm>
#include <array>

#include "base/json.h"
#include "oci/grammar.h"
#include "oci/manifest.h"

// How the wire formats of a chart are told apart, by the media types of the layers; and how the
// oldest and the current one are written.

namespace ocisync {
namespace {

constexpr std::string_view kTitle = "org.opencontainers.image.title";
constexpr std::string_view kChartName = "sh.helm.chart.name";
constexpr std::string_view kChartVersion = "sh.helm.chart.version";

struct FormatFacts {
  ChartFormat format;
  std::string_view name;
  std::string_view sign;     // the layer media type by which the format is known
  std::string_view content;  // of the chart layer
  std::string_view meta;     // of the layer beside it; empty unless the format splits a chart
};

// In the order in which they are looked for: the current type wins over its deprecated alias, and
// alpha2 is beta's chart layer with a meta layer beside it.
constexpr std::array<FormatFacts, 5> kFormats = {{
    {ChartFormat::current, "current", media_type::kChart, media_type::kChart, {}},
    {ChartFormat::legacy, "legacy", media_type::kChartLegacy, media_type::kChartLegacy, {}},
    {ChartFormat::alpha2, "alpha2", media_type::kMetaAlpha2, media_type::kChartBeta,
     media_type::kMetaAlpha2},
    {ChartFormat::beta, "beta", media_type::kChartBeta, media_type::kChartBeta, {}},
    {ChartFormat::alpha1, "alpha1", media_type::kChartAlpha1, media_type::kChartAlpha1,
     media_type::kMetaAlpha1},
}};

[[noreturn]] void unsupported(std::string message) {
  throw Error(Reason::unsupported, std::move(message));
}

std::string_view annotation(const Descriptor& layer, std::string_view key) {
  const auto found = layer.annotations.find(std::string(key));
  return found == layer.annotations.end() ? std::string_view() : found->second;
}

// The alpha clients only ever saw layers that have a title.
bool kept(const Descriptor& layer, const FormatFacts& format) {
  return format.meta.empty() || !annotation(layer, kTitle).empty();
}

const FormatFacts* find_format(const Manifest& manifest) {
  for (const FormatFacts& format : kFormats)
    for (const Descriptor& layer : manifest.layers)
      if (layer.media_type == format.sign)
        return &format;
  return nullptr;
}

std::optional<Descriptor> only_layer(const Manifest& manifest, std::string_view type,
                                     const FormatFacts& format) {
  std::optional<Descriptor> found;
  for (const Descriptor& layer : manifest.layers) {
    if (layer.media_type != type || !kept(layer, format))
      continue;
    if (found)
      throw Error(Reason::ambiguous_chart,
                  fmt::format("two layers of type {}: {} and {}", in_quotes(type),
                              found->digest.str(), layer.digest.str()));
    found = layer;
  }
  return found;
}

// What a manifest without a chart is, as far as its config's type tells.
[[noreturn]] void refuse_foreign(const Manifest& manifest) {
  const std::string& type = manifest.config.media_type;
  if (type == media_type::kHelmConfig && manifest.layers.empty())
    unsupported("a chart's config without any layer");
  if (type == media_type::kHelmConfig)
    unsupported(
        fmt::format("a chart's config without a chart layer (the first layer is of type {})",
                    in_quotes(manifest.layers.front().media_type)));
  if (type == media_type::kImageConfig || type == "application/vnd.docker.container.image.v1+json")
    unsupported(fmt::format("this is an image, not a chart (config of type {})", in_quotes(type)));
  unsupported(
      fmt::format("this is an artifact with a config of type {}, not a chart", in_quotes(type)));
}

Descriptor split_layer(const Manifest& manifest, std::string_view type, const FormatFacts& format) {
  const std::optional<Descriptor> layer = only_layer(manifest, type, format);
  if (!layer || layer->size == 0)
    unsupported(
        fmt::format("a chart of format {} has no layer of type {} that is titled and not empty",
                    format.name, in_quotes(type)));
  return *layer;
}

ChartManifest split_chart(const Manifest& manifest, const FormatFacts& format) {
  const Descriptor content = split_layer(manifest, format.content, format);
  const std::string name(annotation(content, kChartName));
  const std::string version(annotation(content, kChartVersion));
  if (name.empty() || version.empty())
    unsupported(fmt::format("a chart of format {} whose content layer lacks annotation {}",
                            format.name, name.empty() ? kChartName : kChartVersion));
  return {.format = format.format,
          .config = split_layer(manifest, format.meta, format),
          .content = content,
          .provenance = std::nullopt,
          .name = name,
          .version = version};
}

ChartManifest whole_chart(const Manifest& manifest, const FormatFacts& format) {
  if (manifest.config.media_type != media_type::kHelmConfig)
    refuse_foreign(manifest);
  return {.format = format.format,
          .config = manifest.config,
          .content = *only_layer(manifest, format.content, format),  // its presence is the sign
          .provenance = only_layer(manifest, media_type::kProvenance, format),
          .name = {},
          .version = {}};
}

Json annotations_json(const Annotations& annotations) {
  Json object = Json::object();
  for (const auto& [key, value] : annotations)
    object.set(key, value);
  return object;
}

Json descriptor_json(std::string_view type, const Digest& digest, std::uint64_t size,
                     const Annotations& annotations = {}) {
  Json object = Json::object();
  object.set("mediaType", type);
  object.set("digest", digest.str());
  object.set("size", size);
  if (!annotations.empty())
    object.set("annotations", annotations_json(annotations));
  return object;
}

std::string manifest_text(Json config, Json layers, const Annotations& annotations) {
  Json manifest = Json::object();
  manifest.set("schemaVersion", 2);
  manifest.set("config", std::move(config));
  manifest.set("layers", std::move(layers));
  if (!annotations.empty())
    manifest.set("annotations", annotations_json(annotations));
  return manifest.dump(-1, Json::Escape::html);
}

}  // namespace

std::string_view to_string(ChartFormat format) {
  return std::find_if(kFormats.begin(), kFormats.end(),
                      [&](const FormatFacts& facts) { return facts.format == format; })
      ->name;
}

ChartManifest recognise_chart(const Manifest& manifest) {
  const FormatFacts* format = find_format(manifest);
  if (format == nullptr)
    refuse_foreign(manifest);
  return format->meta.empty() ? whole_chart(manifest, *format) : split_chart(manifest, *format);
}

std::string current_manifest(const Descriptor& config, const Descriptor& content,
                             const std::optional<Descriptor>& provenance,
                             const Annotations& annotations) {
  Json layers = Json::array();
  layers.add(descriptor_json(media_type::kChart, content.digest, content.size));
  if (provenance)
    layers.add(descriptor_json(media_type::kProvenance, provenance->digest, provenance->size));
  return manifest_text(descriptor_json(media_type::kHelmConfig, config.digest, config.size),
                       std::move(layers), annotations);
}

std::string split_manifest(const Descriptor& meta, const Descriptor& content,
                           const std::string& name, const std::string& version) {
  Json layers = Json::array();
  layers.add(descriptor_json(media_type::kMetaAlpha1, meta.digest, meta.size,
                             {{std::string(kTitle), "chart-meta.json"}}));
  layers.add(descriptor_json(media_type::kChartAlpha1, content.digest, content.size,
                             {{std::string(kTitle), "chart-content.tgz"},
                              {std::string(kChartName), name},
                              {std::string(kChartVersion), version}}));
  return manifest_text(
      descriptor_json(media_type::kImageConfig, Digest::of(kEmptyConfig), kEmptyConfig.size()),
      std::move(layers), {});
}

}  // namespace ocisync
