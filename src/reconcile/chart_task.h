#pragma once

#include <functional>
#include <optional>
#include <stop_token>
#include <string>

#include "base/log.h"
#include "export/publisher.h"
#include "observe/progress.h"
#include "reconcile/chart_planner.h"
#include "reconcile/chart_tree.h"
#include "reconcile/hooks.h"
#include "reconcile/lanes.h"
#include "reconcile/outcome.h"
#include "reconcile/semaphore.h"
#include "registry/client.h"
#include "spec/spec.h"
#include "store/blob_cache.h"
#include "store/reference_store.h"

namespace ocisync {

// The rooms a chart passes through. All outlive the tasks.
struct Rooms {
  const Spec& spec;
  RegistryClient& registry;
  BlobCache& cache;
  const ReferenceStore& references;
  Publisher* publisher;  // null: the spec has no export path, charts end in the cache
  Lanes& lanes;
  Log& log;
  const Clock& clock;
  Terms terms{};
  Progress* progress = nullptr;  // told of charts and transfers; may be null
  Hooks* hooks = nullptr;        // null: there are none
};

// A revision that is one rename away from its readers.
struct ReadyChart {
  Publication publication;
  Action action;
  std::string previous;  // digest that is exported now; empty: none

  // Whether readers would see another revision, which gates are asked about.
  bool is_news() const { return publication.manifest.str() != previous; }
};

// How far a chart came: to its outcome, or to the gates of the pass.
struct Journey {
  Outcome outcome;
  std::optional<ReadyChart> waiting{};  // for the gates' answer; the outcome is not final then
};

// One chart's journey from wish to shelf: planned by ChartPlanner, then carried out: manifest,
// config and content side by side, unpack, publish. One attempt a call, on the caller's thread;
// several charts may be under way in several threads. Whatever it throws becomes the Outcome.
class ChartTask {
 public:
  explicit ChartTask(const Rooms& rooms);

  Journey run(const ChartSpec& chart, std::stop_token stop);

  // What gates are told of a chart that waits.
  HookChange told_to_gates(const ReadyChart& ready) const;
  // The rest of a journey that waited, once the gates agreed or refused.
  Outcome finish(Journey journey, const std::optional<Error>& refusal,
                 const std::stop_token& stop) const;

 private:
  struct Attempt;

  // Does it; what it throws becomes the outcome.
  static void account(Outcome& outcome, const std::function<void()>& act);

  void travel(Attempt& attempt);
  void mend_shown(const Attempt& attempt);
  void carry_out(Attempt& attempt, ChartPlan& plan);
  // May be called again when the disk was full.
  void export_chart(Attempt& attempt, const ChartPlan& plan, const SelectedChart& selected,
                    const CachedChart& cached);
  CachedChart ensure_blobs(Attempt& attempt, const Revision& revision, const ChartManifest& chart);
  BlobFile ensure_blob(const Inquiry& inquiry, const Revision& revision,
                       const Descriptor& descriptor, std::uint64_t limit, TransferCounts& counts);
  void pull(Attempt& attempt, const Revision& revision, const SelectedChart& selected);
  ReferenceStore references(const Revision& revision) const;
  void put_reference(const ChartSpec& chart, const Revision& revision, const CachedChart& cached,
                     const std::string& name, const std::string& version);
  TreeRecord unpack(const Inquiry& inquiry, const Digest& manifest, const CachedChart& cached);
  ReadyChart ready(const ChartSpec& chart, const ChartPlan& plan, const SelectedChart& selected,
                   const TreeRecord& tree) const;
  bool waits_for_gates(const ReadyChart& ready, const std::stop_token& stop) const;
  void publish(const ReadyChart& ready, Outcome& outcome) const;
  void warn_of_mismatch(const ChartSpec& chart, const Revision& revision, const CachedChart& cached,
                        const std::string& name, const std::string& version);
  void warn_of_legacy(const ChartSpec& chart, const ChartManifest& manifest);
  void warn_of_case(const ChartSpec& chart, const TreeRecord& tree);

  Rooms rooms_;
  ChartPlanner planner_;
  Modes modes_;
  Semaphore unpacking_;  // as many lanes as cores unpack at once
};

}  // namespace ocisync
