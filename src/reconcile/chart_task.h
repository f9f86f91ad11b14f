#pragma once

#include <functional>
#include <semaphore>
#include <stop_token>
#include <string>
#include <vector>

#include "base/log.h"
#include "export/publisher.h"
#include "reconcile/chart_tree.h"
#include "reconcile/lanes.h"
#include "reconcile/outcome.h"
#include "reconcile/plan.h"
#include "registry/client.h"
#include "registry/select.h"
#include "spec/spec.h"
#include "store/blob_cache.h"
#include "store/reference_store.h"

namespace ocisync {

// The rooms a chart passes through. All outlive the tasks.
struct Rooms {
  const Spec& spec;
  RegistryClient& registry;
  BlobCache& cache;
  ReferenceStore& references;
  Publisher& publisher;
  Lanes& lanes;
  Log& log;
  const Clock& clock;
};

// One chart's journey from wish to shelf: resolve, manifest, config and content side by side,
// unpack, publish. One attempt a call, on the caller's thread; several charts may be under way in
// several threads. This is the one place where an Error becomes an Outcome.
class ChartTask {
 public:
  explicit ChartTask(const Rooms& rooms);

  Outcome run(const ChartSpec& chart, std::stop_token stop);

 private:
  struct Attempt;
  struct Revision;

  void travel(Attempt& attempt);
  Observed observe(const ChartSpec& chart) const;
  Reference choose_tag(Attempt& attempt);
  Revision resolve(Attempt& attempt);
  void watch_tag(Attempt& attempt, const Reference& reference);
  FetchedManifest fetch_manifest(Attempt& attempt, const Reference& reference,
                                 const Digest& digest);
  std::string document(Attempt& attempt, const Reference& reference, const Descriptor& descriptor);
  SelectedChart select(Attempt& attempt, Revision& revision);
  CachedChart ensure_blobs(Attempt& attempt, const Revision& revision, const ChartManifest& chart);
  BlobFile ensure_blob(const Reference& reference, const Descriptor& descriptor,
                       std::uint64_t limit, TransferCounts& counts, std::stop_token stop);
  TreeRecord unpack(const ChartSpec& chart, const Digest& manifest, const CachedChart& cached,
                    const std::stop_token& stop);
  void publish(Attempt& attempt, const Revision& revision, const SelectedChart& selected,
               const CachedChart& cached, const TreeRecord& tree);
  void warn_of_mismatch(const ChartSpec& chart, const Revision& revision, const CachedChart& cached,
                        const TreeRecord& tree);

  Rooms rooms_;
  Modes modes_;
  std::counting_semaphore<> unpacking_;  // as many lanes as cores unpack at once
};

}  // namespace ocisync
