#pragma once

#include "base/files.h"
#include "reconcile/resolver.h"
#include "registry/repository_index.h"

namespace ocisync {

// Where charts come from that have no manifest: a classic repository. The second half of Resolver,
// which asks here for a chart that names a repository. What identifies a revision is the digest of
// its archive, which stands wherever an OCI chart has that of its manifest; it is the index's
// figure, or, where that gives none, was hashed when this entry was first fetched, and noted in the
// cache. Its meta blob is made of Chart.yaml here, as Helm makes a config. Safe from any thread.
class RepositorySource {
 public:
  explicit RepositorySource(const Sources& sources) : from_(sources) {}

  // By the lock file, the cache (offline, or immutable and known), else the index.
  Revision resolve(Inquiry& inquiry) const;

  // The archive and what belongs to it, fetched: into the cache if that may be written, else the
  // archive alone, into `revision`. Throws digest_mismatch, lock_mismatch.
  SelectedChart select(Inquiry& inquiry, Revision& revision) const;

  // For a migration: the archive as <chart>-<version>.tgz in `into`, and its .prov if there is one.
  // Returns the archive's name.
  std::string download(Inquiry& inquiry, const Directory& into) const;

 private:
  struct Recollection;

  std::shared_ptr<const ChartVersions> versions(Inquiry& inquiry) const;
  std::optional<Revision> cached_revision(const ChartSpec& chart) const;
  const IndexEntry& choose(const ChartSpec& chart, const ChartVersions& versions) const;
  Digest identify(Inquiry& inquiry, const IndexEntry& entry, std::shared_ptr<Spool>& archive) const;
  Descriptor content(Inquiry& inquiry, Revision& revision) const;
  Descriptor accept(Spool spool, std::shared_ptr<Spool>& archive) const;
  Descriptor meta(const Revision& revision, const Descriptor& content) const;
  std::optional<Descriptor> provenance(Inquiry& inquiry, const Revision& revision) const;
  Descriptor keep(Spool& spool, std::string_view media_type) const;
  bool writable() const;
  const Volume* volume() const;
  Recollection recall(const ChartSpec& chart, const IndexEntry& entry) const;
  void note(const ChartSpec& chart, const IndexEntry& entry, const Recollection& what) const;

  const Sources& from_;
};

}  // namespace ocisync
