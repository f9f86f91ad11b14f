#pragma once

#include <atomic>
#include <stop_token>
#include <thread>

#include "base/error.h"

namespace ocisync {

// SIGTERM and SIGINT as a request to stop; a second one ends the process at once. Block the signals
// before the first thread starts (the constructor does), so that only its own thread sees them.
class Signals {
 public:
  Signals();
  ~Signals();

  std::stop_token stop() const { return source_.get_token(); }

  int received() const { return received_.load(); }  // 0: none so far

 private:
  void wait(const std::stop_token& own);

  std::stop_source source_;
  std::atomic<int> received_{0};
  std::jthread thread_;
};

// The exit code of a one-shot run: what `act` returns, 128 + N when signal N ended it.
template <typename Act>
int unless_interrupted(const Signals& signals, Act act) {
  try {
    return act();
  } catch (const Error&) {
    if (signals.received() == 0)
      throw;
    return 128 + signals.received();
  }
}

}  // namespace ocisync
