#pragma once

#include <optional>
#include <set>
#include <stop_token>
#include <string>

#include "net/retry.h"
#include "reconcile/chart_task.h"
#include "reconcile/outcome.h"
#include "store/roots.h"

namespace ocisync {

struct PassOptions {
  std::set<std::string>
      only;                // chart names; empty: all. Others are skipped and nothing is withdrawn
  bool fail_fast = false;  // the first required failure stops what has not begun
  SteadyTime deadline = SteadyTime::max();  // a retry that would come later fails the chart instead
  std::string deadline_text;                // for the message: "--timeout 5m"
};

// Keeps the exports like the spec. One pass: every chart goes through its journey in a lane, a
// failure that may heal is tried again with growing pauses until the deadline, exports that left
// the spec are withdrawn, superseded revisions and unnamed cache content are cleared, and what is
// kept is written down. Not safe from several threads; several processes may do the same at once.
class Reconciler {
 public:
  Reconciler(const Rooms& rooms, Random random);

  PassResult pass(const PassOptions& options, std::stop_token stop);

 private:
  struct Pass;

  void start(Pass& pass, std::size_t index);
  void attempt(Pass& pass, std::size_t index);
  void settle(Pass& pass, std::size_t index, Outcome outcome);
  std::optional<SteadyTime> next_try(const Pass& pass, const Outcome& outcome, unsigned failures);
  void excuse_if_recent(const Pass& pass, Outcome& outcome, const ChartSpec& chart);
  std::optional<Publication> find_publication(const ChartSpec& chart) const;
  void withdraw(Pass& pass);
  Roots roots_of(const PassResult& result, WallTime now);
  void sweep_if_superseded(const PassResult& result, WallTime now);
  void keep_house(Pass& pass);

  Rooms rooms_;
  Random random_;
  ChartTask task_;
};

}  // namespace ocisync
