#include "oci/manifest.h"

#include <algorithm>
#include <array>
#include <limits>

#include "base/json.h"
#include "oci/grammar.h"

namespace ocisync {
namespace {

constexpr std::array<std::string_view, 4> kManifestTypes = {
    media_type::kManifest, media_type::kIndex, media_type::kDockerManifest,
    media_type::kDockerList};

// What servers say when they do not know what they serve.
constexpr std::array<std::string_view, 4> kGenericTypes = {"", "text/plain", "application/json",
                                                           "application/octet-stream"};

constexpr std::array<std::string_view, 2> kSchema1Types = {
    "application/vnd.docker.distribution.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v1+prettyjws"};

template <std::size_t n>
bool among(const std::array<std::string_view, n>& types, std::string_view type) {
  return std::find(types.begin(), types.end(), type) != types.end();
}

[[noreturn]] void malformed(std::string message) {
  throw Error(Reason::protocol_violation, std::move(message));
}

// A member that says nothing may be absent or null: Go writes null for what was never set.
const Json* member(const Json& object, std::string_view key) {
  const Json* value = object.find(key);
  return value == nullptr || value->is_null() ? nullptr : value;
}

std::string optional_string(const Json& object, std::string_view key) {
  const Json* value = member(object, key);
  if (value == nullptr)
    return {};
  if (value->string() == nullptr)
    malformed(fmt::format("\"{}\" is not a string", key));
  return *value->string();
}

Annotations annotations_of(const Json& object) {
  Annotations result;
  const Json* value = member(object, "annotations");
  if (value == nullptr)
    return result;
  if (!value->is_object())
    malformed("\"annotations\" is not an object");
  for (const auto& [key, text] : value->members()) {
    if (text.string() == nullptr)
      malformed(fmt::format("annotation {} is not a string", in_quotes(key)));
    result.emplace(key, *text.string());
  }
  return result;
}

Digest digest_of(const Json& object) {
  const std::string* text = object.find_string("digest");
  if (text == nullptr)
    malformed("a descriptor has no digest");
  try {
    return Digest::parse(*text);
  } catch (const Error& error) {
    if (error.reason() == Reason::unsupported)
      throw;
    malformed(error.message());
  }
}

// Signed 64 bits is what the specification gives a size; more is not even a claim.
std::uint64_t size_of(const Json& object) {
  constexpr auto kMost = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
  const Json* value = object.find("size");
  const std::optional<std::uint64_t> size =
      value == nullptr ? std::nullopt : value->unsigned_integer();
  if (!size || *size > kMost)
    malformed("a descriptor's size is not an unsigned integer");
  return *size;
}

std::string media_type_of(const Json& object) {
  if (!object.is_object())
    malformed("a descriptor is not an object");
  std::string type = optional_string(object, "mediaType");
  if (type.empty())
    malformed("a descriptor has no mediaType");
  return type;
}

Descriptor descriptor_of(const Json& object) {
  return {.media_type = media_type_of(object),
          .digest = digest_of(object),
          .size = size_of(object),
          .artifact_type = optional_string(object, "artifactType"),
          .annotations = annotations_of(object)};
}

// An entry that cannot be represented is left out when nobody here would read it: the type is not a
// manifest's, or the digest is of an algorithm to come. A manifest entry that is malformed is
// refused.
std::optional<Descriptor> entry_of(const Json& object) {
  const bool known = among(kManifestTypes, media_type_of(object));
  try {
    return descriptor_of(object);
  } catch (const Error& error) {
    if (known && error.reason() != Reason::unsupported)
      throw;
    return std::nullopt;
  }
}

const std::vector<Json>& list_of(const Json& object, std::string_view key) {
  const Json* list = object.find(key);
  if (list == nullptr || !list->is_array())
    malformed(fmt::format("\"{}\" is not an array", key));
  return list->items();
}

void refuse_two_sizes(const std::vector<Descriptor>& descriptors) {
  std::map<Digest, std::uint64_t> sizes;
  for (const Descriptor& descriptor : descriptors) {
    const std::uint64_t size = sizes.emplace(descriptor.digest, descriptor.size).first->second;
    if (size != descriptor.size)
      malformed(fmt::format("{} is said to have both {} and {} bytes", descriptor.digest.str(),
                            size, descriptor.size));
  }
}

Manifest manifest_of(const Json& document) {
  const std::vector<Json>& layers = list_of(document, "layers");
  if (layers.size() > kMaxLayers)
    throw Error(Reason::limit_exceeded,
                fmt::format("the manifest has {} layers (at most {}; a chart has one to three)",
                            layers.size(), kMaxLayers));
  const Json* config = member(document, "config");
  if (config == nullptr)
    malformed("the manifest has no config");
  Manifest manifest{descriptor_of(*config), {}, annotations_of(document)};
  for (const Json& layer : layers)
    manifest.layers.push_back(descriptor_of(layer));
  std::vector<Descriptor> all = manifest.layers;
  all.push_back(manifest.config);
  refuse_two_sizes(all);
  return manifest;
}

Index index_of(const Json& document) {
  Index index;
  for (const Json& entry : list_of(document, "manifests"))
    if (std::optional<Descriptor> descriptor = entry_of(entry))
      index.manifests.push_back(std::move(*descriptor));
  refuse_two_sizes(index.manifests);
  return index;
}

void refuse_schema1() {
  throw Error(Reason::unsupported, "a schema 1 image manifest, not a chart");
}

// The content type as far as it says anything: one of the types we asked for, or empty.
std::string served_type(std::string_view content_type) {
  std::string type = lower(trim(content_type.substr(0, content_type.find(';'))));
  if (among(kManifestTypes, type))
    return type;
  if (among(kGenericTypes, type))
    return {};
  if (among(kSchema1Types, type))
    refuse_schema1();
  if (type.starts_with("application/vnd."))
    throw Error(Reason::unsupported,
                fmt::format("a manifest of type {}, not a chart", in_quotes(type)));
  malformed(fmt::format("content type {} where a manifest was asked for", in_quotes(type)));
}

void check_schema(const Json& document) {
  const Json* version = document.find("schemaVersion");
  const std::optional<std::uint64_t> number =
      version == nullptr ? std::nullopt : version->unsigned_integer();
  if (number == 1)
    refuse_schema1();
  if (number != 2)
    malformed("\"schemaVersion\" is not 2");
}

// By its members. What could be both would be one thing to us and another to the next reader of the
// same digest.
std::string_view type_by_shape(const Json& document) {
  const bool manifest =
      member(document, "config") != nullptr || member(document, "layers") != nullptr;
  const bool index = member(document, "manifests") != nullptr;
  if (manifest && index)
    malformed("the document could be read both as a manifest and as an index");
  if (!manifest && !index)
    malformed("the document is neither a manifest nor an index");
  return index ? media_type::kIndex : media_type::kManifest;
}

std::string_view decide_type(const Json& document, const std::string& served) {
  const std::string_view shape = type_by_shape(document);
  const std::string own = optional_string(document, "mediaType");
  if (!own.empty() && !served.empty() && own != served)
    malformed(fmt::format("served as {} but calls itself {}", in_quotes(served), in_quotes(own)));
  const std::string& type = own.empty() ? served : own;
  if (type == media_type::kDockerManifest)
    throw Error(Reason::unsupported, fmt::format("a Docker image manifest ({}), not a chart",
                                                 media_type::kDockerManifest));
  if (!type.empty() && !among(kManifestTypes, type))
    throw Error(Reason::unsupported,
                fmt::format("a manifest of type {}, not a chart", in_quotes(type)));
  const bool says_index = type == media_type::kIndex || type == media_type::kDockerList;
  if (!type.empty() && says_index != (shape == media_type::kIndex))
    malformed(fmt::format("the document's members contradict its type {}", in_quotes(type)));
  return shape;
}

}  // namespace

Document parse_document(std::string_view body, std::string_view content_type) {
  const std::string served = served_type(content_type);
  return during([] { return std::string("reading the manifest"); },
                [&]() -> Document {
                  const Json document = Json::parse(body);
                  if (!document.is_object())
                    malformed("the document is not an object");
                  check_schema(document);
                  if (decide_type(document, served) == media_type::kIndex)
                    return index_of(document);
                  return manifest_of(document);
                });
}

}  // namespace ocisync
