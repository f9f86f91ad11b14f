#pragma once

#include <string>
#include <vector>

#include "base/clock.h"
#include "observe/status_board.h"

namespace ocisync {

// What a probe is told, and why.
struct Verdict {
  struct Line {
    bool good;
    std::string text;
  };

  bool good = true;
  std::vector<Line> lines;  // for ?verbose: one a chart, or one that says it all
};

// Whether the chart keeps the sidecar from having started: required, not suspended, no export.
bool is_missing(const ChartStatus& chart);

// Every required chart has, or once had, an intact export.
Verdict startup(const BoardSnapshot& board);

// As startup, until a stop was asked for. With max_staleness above 0 also while no required chart's
// last success is older; one that a reload added counts from its first publication on.
Verdict readiness(const BoardSnapshot& board, WallTime now, Duration max_staleness);

// The reconciler's heartbeat is younger than 30 s.
Verdict liveness(const BoardSnapshot& board);

}  // namespace ocisync
