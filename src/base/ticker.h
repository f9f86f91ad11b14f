#pragma once

#include <functional>
#include <thread>

#include "base/clock.h"

namespace ocisync {

// Calls `act` every `period`, for the first time after one, on a thread of its own until it is
// destroyed. `act` must not throw.
class Ticker {
 public:
  Ticker() = default;  // never calls anything
  Ticker(Duration period, std::function<void()> act);

 private:
  std::jthread thread_;
};

}  // namespace ocisync
