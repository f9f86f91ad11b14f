#include "store/takeover.h"

#include <fmt/format.h>

#include "base/error.h"
#include "base/json.h"
#include "base/text.h"
#include "store/blob_path.h"
#include "store/reference_tree.h"

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
  if (!place.reference && !place.links.empty())
    return fmt::format("refs/{} is not where any reference is kept", printable(place.path));
  return std::nullopt;
}

bool is_registrys(const ReferencePlace& place) {
  return place.reference && place.reference->source == ReferenceSource::registry;
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
      else if (is_registrys(place) && !place.links.manifest)
        consider(place.reference->reference);
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
        if (!place.links.manifest || complaint(place))
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
    found = found || complaint(place) ||
            (is_registrys(place) && !place.links.manifest &&
             references.find(place.reference->reference));
  };
  walk_references(volume, visit, [&](const Error&) { found = true; });
  return found;
}

}  // namespace ocisync
