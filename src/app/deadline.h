#pragma once

#include <functional>
#include <optional>

#include <unistd.h>

#include "app/alarm.h"
#include "app/signals.h"
#include "base/log.h"
#include "base/process.h"

namespace ocisync {

// The end within 5 s of the first signal, whatever still hangs: everything that readers see changes
// by one rename, so nothing is half done.
class Deadline {
 public:
  // `code` makes the exit code from the signal's number.
  Deadline(const Signals& signals, Log& log, std::function<int(int)> code)
      : exit_(over_.get_token(),
              [&log, &signals, code = std::move(code)] {
                log.warning("Stopped", "work was cut off");
                kill_processes();
                ::_exit(code(signals.received()));
              }),
        start_(signals.stop(), [this] { alarm_.emplace(kGrace, over_); }) {}

 private:
  static constexpr Duration kGrace = std::chrono::milliseconds(4500);

  std::stop_source over_;
  std::optional<Alarm> alarm_;
  std::stop_callback<std::function<void()>> exit_;
  std::stop_callback<std::function<void()>> start_;
};

}  // namespace ocisync
