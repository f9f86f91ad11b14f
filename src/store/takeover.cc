#include "store/takeover.h"

#include <fmt/format.h>

#include "base/error.h"
#include "base/json.h"
#include "base/text.h"
#include "store/blob_path.h"
#include "store/reference_tree.h"
#include "store/roots.h"

namespace ocisync {
namespace {

constexpr std::uint64_t kMetaLimit = 4ULL << 20;

// A link whose target's tail is not of this cache's layout.
std::optional<std::string> strange_target(const ReferenceLinks& links) {
  if (links.chart && !chart_of_target(*links.chart))
    return links.chart;
  for (const auto* target : {&links.content, &links.meta})
    if (*target && !blob_of_target(**target))
      return *target;
  return std::nullopt;
}

// Why a place is none that could be read, where that is worth telling: a reference that somebody
// began to write or to remove is not.
std::optional<std::string> complaint(const ReferencePlace& place) {
  if (const auto target = strange_target(place.links))
    return fmt::format("refs/{} holds a link to {}, which is not in the cache's layout",
                       printable(place.path), printable(*target));
  if (!place.reference && !place.links.empty() && !reference_meant_at(place.path))
    return fmt::format("refs/{} is not where any reference is kept", printable(place.path));
  return std::nullopt;
}

bool is_registrys(const std::optional<PlacedReference>& reference) {
  return reference && reference->source == ReferenceSource::registry;
}

// Only what alpha wrote has a meta blob without a name: any other is a whole Chart.yaml.
bool is_alphas(const BlobCache& cache, const BlobFile& meta) {
  const Json document = Json::parse(cache.read(meta, kMetaLimit));
  return document.find("apiVersion") != nullptr && document.find("name") == nullptr;
}

class Visitor {
 public:
  Visitor(BlobCache& cache, const ReferenceStore& references)
      : cache_(cache), references_(references) {}

  void visit(const ReferencePlace& place) {
    try {
      if (auto why = complaint(place))
        result_.refused.push_back(*std::move(why));
      else if (is_registrys(place.reference) && !place.links.manifest)
        consider(place.reference->reference);
      else if (const auto meant = reference_meant_at(place.path);
               !place.reference && !place.links.empty() && is_registrys(meant))
        respell(place.path, meant->reference);
    } catch (const Error& error) {
      if (error.reason() == Reason::disk_full)
        throw;
      result_.refused.push_back(
          fmt::format("refs/{}: {}", printable(place.path), printable(error.what())));
    }
  }

  void refuse(std::string_view why) { result_.refused.push_back(printable(why)); }

  Takeover finish() { return std::move(result_); }

 private:
  // Moves a reference to where it is looked for.
  void respell(const std::string& path, const Reference& reference) {
    const Volume& volume = cache_.volume();
    const std::string from = "refs/" + path;
    const std::string to = "refs/" + reference_path(reference, ReferenceSource::registry);
    const auto folder_of = [](const std::string& whole) {
      return whole.substr(0, whole.rfind('/'));
    };
    const auto old_folder = volume.root().find(folder_of(from));
    const Directory new_folder = volume.root().ensure(folder_of(to), volume.modes().directory);
    pin(volume, reference);
    if (!old_folder || !old_folder->rename_new(path.substr(path.rfind('/') + 1), new_folder,
                                               to.substr(to.rfind('/') + 1)))
      throw Error(Reason::path_conflict, fmt::format("{} is there already", reference.str()));
    consider(reference);
  }

  void consider(const Reference& reference) {
    auto entry = references_.find(reference);
    if (!entry || entry->manifest)
      return;
    const WallTime created = references_.kept_since(reference, *entry);
    const auto meta = cache_.find(entry->meta);
    const auto content = cache_.find(entry->content);
    if (!meta || !content)
      throw Error(Reason::digest_mismatch,
                  fmt::format("its {} blob is damaged", meta ? "content" : "meta"));
    if (!is_alphas(cache_, *meta))
      return;
    const auto describe = [](const BlobFile& blob) {
      return Descriptor{"", blob.digest, blob.size, "", {}};
    };
    cache_.keep(kEmptyConfig);
    entry->manifest =
        cache_
            .keep(split_manifest(describe(*meta), describe(*content), entry->name, entry->version))
            .digest;
    references_.put(reference, *entry, created);
    result_.taken.push_back(reference.str());
  }

  BlobCache& cache_;
  const ReferenceStore& references_;
  Takeover result_;
};

}  // namespace

Takeover take_over_alpha(BlobCache& cache, const ReferenceStore& references) {
  // Listed first: what is rewritten on the way must not be come by again.
  std::vector<ReferencePlace> places;
  Visitor visitor(cache, references);
  walk_references(
      cache.volume(),
      [&](const ReferencePlace& place) {
        if (!place.links.manifest || !place.reference || complaint(place))
          places.push_back(place);
      },
      [&](const Error& error) { visitor.refuse(error.what()); });
  for (const ReferencePlace& place : places)
    visitor.visit(place);
  return visitor.finish();
}

bool has_alpha_references(const Volume& volume, const ReferenceStore& references) {
  bool found = false;
  const auto visit = [&](const ReferencePlace& place) {
    found = found || complaint(place) || (!place.reference && !place.links.empty()) ||
            (is_registrys(place.reference) && !place.links.manifest &&
             references.find(place.reference->reference));
  };
  walk_references(volume, visit, [&](const Error&) { found = true; });
  return found;
}

}  // namespace ocisync
