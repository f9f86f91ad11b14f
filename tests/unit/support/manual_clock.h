#pragma once

#include <mutex>

#include "base/clock.h"

namespace ocisync {

// A clock that stands still until it is told to move. Both of its faces move together. Safe from
// any thread.
class ManualClock final : public Clock {
 public:
  WallTime wall() const override {
    const std::lock_guard lock(mutex_);
    return wall_;
  }

  SteadyTime steady() const override {
    const std::lock_guard lock(mutex_);
    return steady_;
  }

  void advance(Duration by) {
    const std::lock_guard lock(mutex_);
    wall_ += by;
    steady_ += by;
  }

  void set_wall(WallTime time) {
    const std::lock_guard lock(mutex_);
    wall_ = time;
  }

 private:
  mutable std::mutex mutex_;
  WallTime wall_ = *parse_rfc3339("2026-01-02T03:04:05Z");
  SteadyTime steady_{std::chrono::hours(1000)};
};

}  // namespace ocisync
