#include "store/layout_index.h"

#include <map>

#include "base/error.h"
#include "base/json.h"
#include "store/manifest_closure.h"

namespace ocisync {
namespace {

constexpr std::uint64_t kIndexLimit = 256ULL << 20;
constexpr std::string_view kRefName = "org.opencontainers.image.ref.name";

Json describe(const Digest& digest, const CachedManifest& manifest, const std::string& name) {
  Json annotations = Json::object();
  annotations.set(std::string(kRefName), name);
  Json entry = Json::object();
  entry.set("mediaType", manifest.media_type);
  entry.set("digest", digest.str());
  entry.set("size", manifest.size);
  entry.set("annotations", std::move(annotations));
  return entry;
}

// References of one revision share one reading of its manifest.
class ManifestReader {
 public:
  explicit ManifestReader(const Volume& volume) : volume_(volume) {}

  // Null: not a manifest, or a copy of it would miss something.
  const CachedManifest* read(const Digest& digest) {
    const auto [at, is_new] = known_.try_emplace(digest);
    if (is_new)
      at->second = read_cached_manifest(volume_, digest);
    if (is_new && at->second && !is_complete(volume_, *at->second))
      at->second.reset();
    return at->second ? &*at->second : nullptr;
  }

 private:
  const Volume& volume_;
  std::map<Digest, std::optional<CachedManifest>> known_;
};

std::string index_document(const Volume& volume, const ReferenceStore& references) {
  ManifestReader manifests(volume);
  std::map<std::string, Json> entries;
  references.for_each([&](const Reference& reference, const ReferenceEntry& entry) {
    const CachedManifest* manifest = entry.manifest ? manifests.read(*entry.manifest) : nullptr;
    if (manifest != nullptr)
      entries.emplace(reference.str(), describe(*entry.manifest, *manifest, reference.str()));
  });
  Json list = Json::array();
  for (auto& [name, entry] : entries)
    list.add(std::move(entry));
  Json document = Json::object();
  document.set("schemaVersion", 2);
  document.set("mediaType", media_type::kIndex);
  document.set("manifests", std::move(list));
  return document.dump();
}

bool write_if_changed(const Volume& volume, std::string_view name, std::string_view bytes) {
  try {
    if (volume.root().read(name, kIndexLimit) == bytes)
      return false;
  } catch (const Error&) {
    // a link or a device in its place: the rename below replaces it
  }
  volume.root().write_atomic(name, bytes, volume.modes().file);
  return true;
}

}  // namespace

bool rebuild_layout_index(const Volume& volume, const ReferenceStore& references) {
  const bool marker = write_if_changed(volume, "oci-layout", kOciLayout);
  return write_if_changed(volume, "index.json", index_document(volume, references)) || marker;
}

}  // namespace ocisync
