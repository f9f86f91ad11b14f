#pragma once

#include <condition_variable>
#include <mutex>

namespace ocisync {

// Room for so many at once; who comes later waits. A std::counting_semaphore would do, but GCC's
// spins, and wakes all who wait for each place that is freed. Safe from any thread.
class Places {
 public:
  explicit Places(unsigned count) : free_(count) {}

  // Frees its place when it leaves.
  class Hold {
   public:
    explicit Hold(Places& places) : places_(places) {
      std::unique_lock lock(places_.mutex_);
      places_.freed_.wait(lock, [this] { return places_.free_ > 0; });
      --places_.free_;
    }

    ~Hold() {
      {
        const std::lock_guard lock(places_.mutex_);
        ++places_.free_;
      }
      places_.freed_.notify_one();
    }

    Hold(const Hold&) = delete;
    Hold& operator=(const Hold&) = delete;

   private:
    Places& places_;
  };

 private:
  std::mutex mutex_;
  std::condition_variable freed_;
  unsigned free_;
};

}  // namespace ocisync
