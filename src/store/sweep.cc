#include "store/sweep.h"

#include <algorithm>

#include "base/error.h"
#include "oci/digest.h"
#include "store/blob_path.h"
#include "store/manifest_closure.h"
#include "store/notes.h"
#include "store/reference_tree.h"
#include "store/staging.h"

namespace ocisync {
namespace {

struct StoredBlob {
  Digest digest;
  std::uint64_t size;
  WallTime used;
};

// Regular files that are named as a digest. Whatever else is in blobs/ is not ours.
std::vector<StoredBlob> list_blobs(const Volume& volume) {
  std::vector<StoredBlob> blobs;
  for (const std::string algorithm : {"sha256", "sha512"}) {
    const auto folder = volume.root().find("blobs/" + algorithm);
    if (!folder)
      continue;
    for (const std::string& name : folder->names()) {
      const auto digest = Digest::try_parse(algorithm + ":" + name);
      const auto status = digest ? folder->status(name) : std::nullopt;
      if (status && S_ISREG(status->st_mode))
        blobs.push_back({*digest, static_cast<std::uint64_t>(status->st_size), modified(*status)});
    }
  }
  return blobs;
}

// What stays whatever its age, and the references nobody asked to keep.
struct Inventory {
  DigestSet named;
  std::vector<ReferencePlace> unnamed_references;
};

Inventory take_inventory(const Volume& volume, const NamedContent& named) {
  Inventory inventory;
  for (const Digest& digest : named.roots.blobs)
    add_closure(volume, digest, inventory.named);
  walk_references(volume, [&](const ReferencePlace& place) {
    if (place.reference && !named.names(place.reference->reference)) {
      inventory.unnamed_references.push_back(place);
      return;
    }
    for (const Digest& digest : place.links.blobs())
      add_closure(volume, digest, inventory.named);
  });
  return inventory;
}

// Least recently used first, until age no longer asks for it nor size.
std::vector<StoredBlob> choose_victims(const std::vector<StoredBlob>& blobs, const DigestSet& named,
                                       const SweepPolicy& policy, WallTime now) {
  std::uint64_t total = 0;
  std::vector<StoredBlob> victims;
  for (const StoredBlob& blob : blobs) {
    total += blob.size;
    if (!named.contains(blob.digest) && now - blob.used >= policy.floor)
      victims.push_back(blob);
  }
  std::sort(victims.begin(), victims.end(),
            [](const StoredBlob& a, const StoredBlob& b) { return a.used < b.used; });
  const auto stays = std::find_if(victims.begin(), victims.end(), [&](const StoredBlob& blob) {
    if (!policy.everything_unnamed && now - blob.used < policy.min_age && total <= policy.max_size)
      return true;
    total -= blob.size;
    return false;
  });
  victims.erase(stays, victims.end());
  return victims;
}

// Whether someone wrote to it since it was listed.
bool has_changed(const Volume& volume, const ReferencePlace& place) {
  const auto status = status_at(volume, "refs/" + place.path);
  return !status || modified(*status) != modified(place.status);
}

// A reference goes when a blob of it goes or is gone already.
bool loses_a_blob(const Volume& volume, const ReferencePlace& place, const DigestSet& going) {
  const auto blobs = place.links.blobs();
  return place.links.empty() || std::any_of(blobs.begin(), blobs.end(), [&](const Digest& digest) {
           return going.contains(digest) || !blob_present(volume, digest);
         });
}

std::uint64_t remove_references(const Volume& volume, const Inventory& inventory,
                                const DigestSet& going, const SweepPolicy& policy, WallTime now) {
  std::uint64_t removed = 0;
  for (const ReferencePlace& place : inventory.unnamed_references) {
    const bool young = now - modified(place.status) < policy.floor;  // perhaps being written
    if (young || !loses_a_blob(volume, place, going) || has_changed(volume, place))
      continue;
    if (!policy.dry_run)
      remove_reference(volume, place.path);
    ++removed;
  }
  return removed;
}

void remove_blob(const Volume& volume, const StoredBlob& blob) {
  const auto folder = volume.root().find(blob_folder(blob.digest));
  const auto status = folder ? folder->status(blob.digest.hex()) : std::nullopt;
  // Someone found a use for it since it was listed.
  if (status && modified(*status) == blob.used)
    folder->remove_file(blob.digest.hex());
}

// What atomic writes of killed processes left beside their targets: files and links, and in our own
// folder directories too.
void remove_leftovers(const Directory& folder, WallTime now, bool directories = false) {
  for (const std::string& name : folder.names()) {
    const auto status = is_leftover(name) ? folder.status(name) : std::nullopt;
    if (!status || !older_than(*status, kAbandonedAfter, now) ||
        (S_ISDIR(status->st_mode) && !directories))
      continue;
    try {
      folder.remove_tree(name);
    } catch (const Error&) {  // NOLINT(bugprone-empty-catch): another user's, and theirs to clear
    }
  }
}

void remove_all_leftovers(const Volume& volume, WallTime now) {
  if (const auto staging = volume.root().find(".ocisync/staging"))
    sweep_staging(*staging, now);
  remove_leftovers(volume.root(), now);
  for (const std::string_view path :
       {".ocisync", ".ocisync/roots", ".ocisync/pins", ".ocisync/locks"})
    if (const auto folder = volume.root().find(path))
      remove_leftovers(*folder, now, true);
  sweep_notes(volume, now);
  walk_references(volume, [&](const ReferencePlace& place) {
    if (const auto folder = volume.root().find("refs/" + place.path))
      remove_leftovers(*folder, now);
  });
}

SweepReport tally(const std::vector<StoredBlob>& blobs, const DigestSet& going) {
  SweepReport report;
  for (const StoredBlob& blob : blobs) {
    const bool goes = going.contains(blob.digest);
    (goes ? report.removed_bytes : report.kept_bytes) += blob.size;
    ++(goes ? report.removed_blobs : report.kept_blobs);
  }
  return report;
}

}  // namespace

SweepReport sweep(const Volume& volume, const SweepPolicy& policy, WallTime now) {
  if (!policy.dry_run) {
    restore_pins(volume);
    remove_all_leftovers(volume, now);
  }
  // Ages are taken before names: what is named in between is seen.
  const std::vector<StoredBlob> blobs = list_blobs(volume);
  const NamedContent named = read_named_content(volume, now);
  const Inventory inventory = take_inventory(volume, named);
  std::vector<StoredBlob> victims;
  if (named.unreadable.empty())
    victims = choose_victims(blobs, inventory.named, policy, now);

  DigestSet going;
  for (const StoredBlob& blob : victims)
    going.insert(blob.digest);
  SweepReport report = tally(blobs, going);
  report.expired_roots = named.expired;
  report.unreadable_roots = named.unreadable;
  if (named.unreadable.empty())
    report.removed_references = remove_references(volume, inventory, going, policy, now);
  if (!policy.dry_run) {
    for (const StoredBlob& blob : victims)
      remove_blob(volume, blob);
    for (const std::string& owner : named.expired)
      drop_roots(volume, owner, now);  // told of once
  }
  return report;
}

}  // namespace ocisync
