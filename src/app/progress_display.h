#pragma once

#include <optional>

#include "app/command.h"
#include "base/log.h"
#include "base/ticker.h"
#include "observe/bars.h"
#include "observe/progress.h"

namespace ocisync {

// --progress. `automatic`: bars where somebody watches, else nothing.
enum class ProgressStyle { automatic, plain, none };

Flag& declare_progress(Flags& flags, std::optional<ProgressStyle>& style);

// Shows how far a pass has come, on stderr, until it is destroyed: as bars below the log, or as a
// line of the log every 10 seconds.
class ProgressDisplay {
 public:
  ProgressDisplay(ProgressStyle style, Progress& progress, Log& log);
  ~ProgressDisplay();
  ProgressDisplay(const ProgressDisplay&) = delete;
  ProgressDisplay& operator=(const ProgressDisplay&) = delete;

 private:
  Log& log_;
  std::optional<Bars> bars_;
  Ticker lines_;
};

}  // namespace ocisync
