#pragma once

#include <memory>
#include <optional>
#include <stop_token>
#include <string>

#include "base/log.h"
#include "chart/archive.h"
#include "reconcile/lock_file.h"
#include "reconcile/plan.h"
#include "registry/client.h"
#include "registry/select.h"
#include "registry/spool.h"
#include "spec/spec.h"
#include "store/blob_cache.h"
#include "store/reference_store.h"

namespace ocisync {

// Who may be asked which revision a chart wants.
struct Terms {
  std::shared_ptr<const LockFile> lock;  // --locked: it decides, and nobody is asked about tags
  bool offline = false;                  // --offline: the cache is all there is
};

// What a Resolver asks. All outlive it.
struct Sources {
  const Spec& spec;
  RegistryClient& registry;
  BlobCache* cache;                  // null: there is none yet, and nothing may make it
  const ReferenceStore* references;  // of the same volume; null with it
  Log& log;
  Terms terms;
};

// The revision that is wanted: the reference with its tag, and what the registry calls it, or the
// digest of a classic chart's archive.
struct Revision {
  Reference reference;
  Digest resolved;
  std::optional<FetchedManifest> fetched{};  // when asking meant fetching
  std::shared_ptr<Spool> archive{};          // the same of a classic chart, if no cache may take it
  ReferenceSource source = ReferenceSource::registry;  // where its reference is cached
};

// One chart being asked about, on one thread.
struct Inquiry {
  const ChartSpec& chart;
  std::stop_token stop;
  TransferCounts counts{};
};

// Finds out which revision a chart wants and what it is made of: by the lock file, else the cache,
// else the registry; a chart of a classic repository is asked for through RepositorySource.
// Documents it has to fetch are kept in the cache when that may be written, so with a cache opened
// for reading it changes nothing anywhere. Safe from any thread.
class Resolver {
 public:
  explicit Resolver(const Sources& sources) : from_(sources) {}

  // `published` is what the export shows; it may know what a reference stood for that the cache has
  // forgotten.
  Revision resolve(Inquiry& inquiry, const std::optional<Publication>& published) const;

  // The chart's own manifest, found through an index where there is one. Completes `revision`:
  // `fetched` (or a classic chart's `archive`) when the registry had to be asked; `resolved`
  // becomes what it really served, where it does not serve by digest. Throws lock_mismatch when the
  // lock file expects other content.
  SelectedChart select(Inquiry& inquiry, Revision& revision) const;

  // Of the blobs that make the chart, those the cache does not hold.
  std::vector<Descriptor> missing(const Revision& revision, const SelectedChart& selected) const;

  // The chart's files, judged as for an export: out of the cache, or of the registry's mouth.
  UnpackedChart inspect(Inquiry& inquiry, const Revision& revision,
                        const SelectedChart& selected) const;

  // A blob of `revision`'s repository that has to be had: Error(offline_miss) naming it when nobody
  // may be asked.
  void fetch(const Revision& revision, const Descriptor& descriptor, const BlobTarget& target,
             TransferCounts& counts, std::stop_token stop) const;

 private:
  void fetch_blob(const Reference& reference, const Descriptor& descriptor,
                  const BlobTarget& target, TransferCounts& counts, std::stop_token stop) const;
  SelectedChart select_by_manifest(Inquiry& inquiry, Revision& revision) const;
  Reference choose_tag(Inquiry& inquiry) const;
  std::optional<Digest> known(const ChartSpec& chart, const Reference& reference,
                              const std::optional<Publication>& published) const;
  void watch_tag(Inquiry& inquiry, const Reference& reference) const;
  FetchedManifest fetch_manifest(Inquiry& inquiry, const Reference& reference,
                                 const Digest& digest) const;
  std::string document(Inquiry& inquiry, const Reference& reference,
                       const Descriptor& descriptor) const;
  std::string read_blob(Inquiry& inquiry, const Reference& reference, const Descriptor& descriptor,
                        std::uint64_t limit) const;
  std::optional<BlobFile> cached(const Digest& digest) const;
  void keep(std::string_view bytes, const Digest& digest) const;
  void require_locked(const ChartSpec& chart, const SelectedChart& selected) const;

  Sources from_;
};

// Refuses a descriptor that promises more than `limit` bytes.
void require_size(const Descriptor& descriptor, std::uint64_t limit);

inline constexpr std::uint64_t kConfigLimit = 4ULL << 20;
inline constexpr std::uint64_t kProvenanceLimit = 1ULL << 20;

}  // namespace ocisync
