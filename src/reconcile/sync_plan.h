#pragma once

#include <functional>
#include <set>
#include <stop_token>
#include <string>
#include <vector>

#include "base/clock.h"
#include "reconcile/chart_planner.h"
#include "reconcile/comparison.h"
#include "reconcile/lanes.h"

namespace ocisync {

// What a pass would do to one chart, and why. One that cannot be planned is blocked; `reason` to
// `http_status` say what stands in its way.
struct PlannedChart {
  std::string name;
  std::string reference;  // as resolved
  Action action = Action::blocked;
  std::string why;  // one line
  bool required = true;
  std::optional<Digest> digest;    // of the chart's manifest that would be exported
  std::optional<Digest> previous;  // of the one that is
  std::string previous_version;
  std::vector<Descriptor> missing;  // what would have to be fetched
  std::uint64_t requests = 0;       // that it took to find out
  std::optional<Reason> reason;
  std::string hint;
  std::string stage;
  int http_status = 0;
  std::string export_path;  // absolute
  std::optional<ChartComparison> files;

  std::uint64_t bytes() const;
};

// Layout snapshot: what would become of `current`.
struct PlannedSwitch {
  std::optional<std::uint64_t> shown;  // the generation; absent: there is none
  bool switches = false;
  std::string why;  // one line
};

struct SyncPlan {
  std::string spec_name;
  std::string spec_hash;
  WallTime started;
  Duration duration{0};
  std::optional<PlannedSwitch> generation;
  std::vector<PlannedChart> charts;  // in the order of the spec, then what would be withdrawn

  std::uint64_t bytes() const;  // a blob that several charts share counts once
};

// The exit code of `diff`: that of a pass for required charts that cannot be planned, else 4 when
// there is anything to do, else 0.
int exit_code(const SyncPlan& plan);

struct PlanOptions {
  std::set<std::string> only;       // chart names; empty: all, and what would be withdrawn
  std::set<std::string> in_detail;  // of these the files are compared too
};

// Asks about every chart at once and changes nothing. When `stop` comes first, the charts that were
// not asked about are blocked with reason cancelled.
SyncPlan plan_sync(const Sources& sources, Publisher* publisher, Lanes& lanes, const Clock& clock,
                   const PlanOptions& options, std::stop_token stop);

// Calls `ask` with the place in the spec of each chart that `only` names (empty: all), in the lanes
// and with the registries' shares, and waits. `ask` must not throw.
void ask_about_charts(const Sources& sources, Lanes& lanes, const std::set<std::string>& only,
                      std::stop_token stop, const std::function<void(std::size_t)>& ask);

}  // namespace ocisync
