#pragma once

#include <cstddef>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "base/ticker.h"
#include "observe/progress.h"

namespace ocisync {

struct WindowSize {
  std::size_t columns = 80;
  std::size_t rows = 24;
};

// The lines that show progress, none wider than the window less one column (so that none wraps) and
// fewer than it has rows: all charts together, then the transfers in flight.
std::vector<std::string> progress_lines(const Progress::Facts& facts, WindowSize window);

// Shows progress at the bottom of a terminal, ten times a second at most and with one write each
// time, until it is destroyed; then nothing of it is left. The size of the window is asked for with
// each frame, so a resize needs no signal. Safe from any thread.
class Bars {
 public:
  Bars(int terminal, Progress& progress);
  ~Bars();
  Bars(const Bars&) = delete;
  Bars& operator=(const Bars&) = delete;

  // A line, without its newline, above the bars.
  void write(std::string_view line);

 private:
  void paint();
  std::string climb(WindowSize window) const;
  std::string drawing() const;

  const int terminal_;
  Progress& progress_;
  std::mutex mutex_;
  std::vector<std::string> shown_;
  std::size_t columns_ = 0;  // of the window they were drawn for
  Ticker ticker_;
};

}  // namespace ocisync
