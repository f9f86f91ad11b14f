#pragma once

#include <condition_variable>
#include <mutex>
#include <stop_token>
#include <thread>

#include "base/clock.h"

namespace ocisync {

// Requests a stop when the time is up, unless it is destroyed before.
class Alarm {
 public:
  Alarm(Duration after, std::stop_source& target)
      : thread_([after, &target](const std::stop_token& own) {
          std::mutex mutex;
          std::condition_variable_any never;
          std::unique_lock lock(mutex);
          never.wait_for(lock, own, after, [] { return false; });
          if (!own.stop_requested())
            target.request_stop();
        }) {}

 private:
  std::jthread thread_;
};

}  // namespace ocisync
