#pragma once

#include <optional>

namespace ocisync {

// What the kernel knows of this process, for the standard process_* metrics. Absent where /proc
// does not tell.
struct ProcessFigures {
  std::optional<double> cpu_seconds;
  std::optional<double> open_fds;
  std::optional<double> max_fds;
  std::optional<double> virtual_bytes;
  std::optional<double> resident_bytes;
  std::optional<double> start_seconds;  // since the epoch
};

ProcessFigures process_figures();

}  // namespace ocisync
