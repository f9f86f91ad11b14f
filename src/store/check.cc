#include "store/check.h"

#include <algorithm>
#include <map>

#include "store/blob_examiner.h"
#include "store/blob_path.h"
#include "store/manifest_closure.h"

namespace ocisync {
namespace {

// Calls visit(digest) for every name under blobs/ that is one.
template <typename Visit>
void for_each_blob(const Volume& volume, Visit visit) {
  const auto blobs = volume.root().find("blobs");
  if (!blobs)
    return;
  for (const std::string& algorithm : blobs->names()) {
    const auto status = blobs->status(algorithm);
    const auto folder = status && S_ISDIR(status->st_mode) ? blobs->find(algorithm) : std::nullopt;
    if (!folder)
      continue;
    for (const std::string& name : folder->names())
      if (const auto digest = Digest::try_parse(algorithm + ":" + name))
        visit(*digest);
  }
}

void name_references(const Volume& volume, ReferenceSource source,
                     std::vector<DamagedBlob>& damaged) {
  std::map<Digest, DamagedBlob*> by_digest;
  for (DamagedBlob& blob : damaged)
    by_digest.emplace(blob.digest, &blob);
  ReferenceStore(volume, source)
      .for_each([&](const Reference& reference, const ReferenceEntry& entry) {
        DigestSet reached{entry.content, entry.meta};
        if (entry.manifest)
          add_closure(volume, *entry.manifest, reached);
        for (const Digest& digest : reached) {
          const auto found = by_digest.find(digest);
          if (found == by_digest.end())
            continue;
          found->second->leads.push_back({reference, source, entry.content, entry.manifest});
        }
      });
}

}  // namespace

bool DamagedBlob::is_manifest() const {
  return std::any_of(leads.begin(), leads.end(),
                     [this](const Lead& lead) { return lead.manifest == digest; });
}

CheckReport check_cache(const Volume& volume) {
  CheckReport report;
  BlobExaminer examiner(volume);
  for_each_blob(volume, [&](const Digest& digest) {
    ++report.blobs;
    if (const auto size = examiner.examine(digest))
      report.bytes += *size;
    else
      report.damaged.push_back({digest, {}});
  });
  std::sort(report.damaged.begin(), report.damaged.end(),
            [](const DamagedBlob& a, const DamagedBlob& b) { return a.digest < b.digest; });
  if (!report.damaged.empty()) {
    name_references(volume, ReferenceSource::registry, report.damaged);
    name_references(volume, ReferenceSource::classic, report.damaged);
  }
  return report;
}

void discard_damaged(const Volume& volume, const Digest& digest) {
  if (BlobExaminer(volume).examine(digest))
    return;
  if (const auto folder = volume.root().find(blob_folder(digest)))
    folder->remove_tree(digest.hex());  // whatever was put in the blob's place
}

}  // namespace ocisync
