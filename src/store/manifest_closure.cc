#include "store/manifest_closure.h"

#include <algorithm>

#include "base/error.h"
#include "base/json.h"
#include "oci/manifest.h"
#include "store/blob_path.h"

namespace ocisync {
namespace {

constexpr std::uint64_t kManifestLimit = 64ULL << 20;  // above any limit a spec would set
constexpr int kMaxIndexDepth = 8;                      // of indexes within indexes

std::optional<std::string> read_blob(const Volume& volume, const Digest& digest) {
  try {
    const auto folder = volume.root().find(blob_folder(digest));
    return folder ? folder->read(digest.hex(), kManifestLimit) : std::nullopt;
  } catch (const Error&) {
    return std::nullopt;  // not a regular file, unreadable, too large to be a manifest
  }
}

std::optional<Json> parse_object(const std::string& text) {
  try {
    Json document = Json::parse(text);
    return document.is_object() ? std::optional(std::move(document)) : std::nullopt;
  } catch (const Error&) {
    return std::nullopt;
  }
}

void add_digest(const Json* descriptor, std::vector<Digest>& into) {
  const Json* member = descriptor != nullptr ? descriptor->find("digest") : nullptr;
  const std::string* text = member != nullptr ? member->string() : nullptr;
  if (text == nullptr)
    return;
  if (const auto digest = Digest::try_parse(*text))
    into.push_back(*digest);
}

void add_digests(const Json* descriptors, std::vector<Digest>& into) {
  if (descriptors == nullptr)
    return;
  for (const Json& descriptor : descriptors->items())
    add_digest(&descriptor, into);
}

void add_closure(const Volume& volume, const Digest& manifest, int depth, DigestSet& into) {
  if (!into.insert(manifest).second || depth > kMaxIndexDepth)
    return;
  const auto document = read_cached_manifest(volume, manifest);
  if (!document)
    return;
  into.insert(document->blobs.begin(), document->blobs.end());
  for (const Digest& child : document->manifests)
    add_closure(volume, child, depth + 1, into);
}

bool is_complete(const Volume& volume, const CachedManifest& manifest, int depth) {
  const auto present = [&](const Digest& digest) { return blob_present(volume, digest); };
  const auto whole = [&](const Digest& digest) {
    const auto child = read_cached_manifest(volume, digest);
    return child && is_complete(volume, *child, depth + 1);
  };
  return depth <= kMaxIndexDepth &&
         std::all_of(manifest.blobs.begin(), manifest.blobs.end(), present) &&
         std::all_of(manifest.manifests.begin(), manifest.manifests.end(), whole);
}

}  // namespace

std::optional<CachedManifest> read_cached_manifest(const Volume& volume, const Digest& digest) {
  const auto text = read_blob(volume, digest);
  const auto document = text ? parse_object(*text) : std::nullopt;
  if (!document)
    return std::nullopt;
  const Json* manifests = document->find("manifests");
  const Json* layers = document->find("layers");
  if (manifests == nullptr && layers == nullptr)
    return std::nullopt;
  CachedManifest result{
      std::string(manifests != nullptr ? media_type::kIndex : media_type::kManifest),
      text->size(),
      {},
      {}};
  const Json* type = document->find("mediaType");
  if (type != nullptr && type->string() != nullptr)
    result.media_type = *type->string();
  add_digest(document->find("config"), result.blobs);
  add_digests(layers, result.blobs);
  add_digests(manifests, result.manifests);
  return result;
}

void add_closure(const Volume& volume, const Digest& manifest, DigestSet& into) {
  add_closure(volume, manifest, 0, into);
}

bool is_complete(const Volume& volume, const CachedManifest& manifest) {
  return is_complete(volume, manifest, 0);
}

}  // namespace ocisync
