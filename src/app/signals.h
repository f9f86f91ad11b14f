#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <stop_token>
#include <thread>

#include "base/error.h"
#include "base/guarded.h"

namespace ocisync {

// SIGTERM and SIGINT as a request to stop; a second one ends the process at once. Others as calls.
// Block the signals before the first thread starts (the constructor does), so that only its own
// thread sees them.
class Signals {
 public:
  enum class Mode {
    one_shot,
    watch,  // SIGHUP and SIGUSR1 wait until somebody listens, instead of ending the process; as
            // process 1 orphans are reaped
  };

  explicit Signals(Mode mode = Mode::one_shot);
  ~Signals();

  // From now on each such signal is a call in our thread, which must not block; one that came
  // before is not lost. Of SIGHUP and SIGUSR1, with Mode::watch.
  void on(int signal, std::function<void()> act);

  std::stop_token stop() const { return source_.get_token(); }

  int received() const { return received_.load(); }  // 0: none so far

 private:
  void wait(const std::stop_token& own);
  void wake();

  std::stop_source source_;
  std::atomic<int> received_{0};
  Guarded<std::map<int, std::function<void()>>> acts_;
  std::jthread thread_;
};

// Says in one line on stderr that the signal ended it, and where. Returns its exit code.
int tell_end(int signal, const Error& where);

// The exit code of a one-shot run: what `act` returns, 128 + N when signal N ended it.
template <typename Act>
int unless_interrupted(const Signals& signals, Act act) {
  try {
    return act();
  } catch (const Error& error) {
    if (signals.received() == 0)
      throw;
    return tell_end(signals.received(), error);
  }
}

}  // namespace ocisync
