#pragma once

#include <map>
#include <optional>
#include <string>

#include "base/log.h"
#include "observe/status_board.h"
#include "reconcile/outcome.h"

namespace ocisync {

SyncResult sync_result(ChartState state);

// Tells the log and the status board what became of a chart. The log is quiet while nothing
// changes: a chart that keeps failing for one reason is told of after 1, 2, 4, 8 ... failures, one
// whose registry keeps asking for patience once, and each again when it is well. One thread.
class Narrator {
 public:
  Narrator(Log& log, StatusBoard& board, const Clock& clock)
      : log_(log), board_(board), clock_(clock) {}

  struct Next {
    unsigned failures = 0;           // in a row, this one included
    std::optional<SteadyTime> when;  // absent: that was the last attempt
    std::optional<WallTime> last_success;
  };

  void ended(const Outcome& outcome, const Next& next);

  void forget(const std::string& chart) { troubles_.erase(chart); }

 private:
  void tell_failure(const Outcome& outcome, const Next& next);

  Log& log_;
  StatusBoard& board_;
  const Clock& clock_;
  std::map<std::string, Reason> troubles_;  // of charts that fail
};

}  // namespace ocisync
