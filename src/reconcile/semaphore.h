#pragma once

#include <condition_variable>
#include <mutex>

namespace ocisync {

// Room for so many at once; who comes later waits. A std::counting_semaphore would do, but GCC's
// spins, and wakes all who wait for each place that is freed. Safe from any thread.
class Semaphore {
 public:
  explicit Semaphore(unsigned count) : free_(count) {}

  // Frees its place when it leaves.
  class Hold {
   public:
    explicit Hold(Semaphore& semaphore) : semaphore_(semaphore) {
      std::unique_lock lock(semaphore_.mutex_);
      semaphore_.freed_.wait(lock, [this] { return semaphore_.free_ > 0; });
      --semaphore_.free_;
    }

    ~Hold() {
      {
        const std::lock_guard lock(semaphore_.mutex_);
        ++semaphore_.free_;
      }
      semaphore_.freed_.notify_one();
    }

    Hold(const Hold&) = delete;
    Hold& operator=(const Hold&) = delete;

   private:
    Semaphore& semaphore_;
  };

 private:
  std::mutex mutex_;
  std::condition_variable freed_;
  unsigned free_;
};

}  // namespace ocisync
