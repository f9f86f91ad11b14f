#include "base/ticker.h"

#include <condition_variable>
#include <mutex>
#include <utility>

namespace ocisync {

Ticker::Ticker(Duration period, std::function<void()> act)
    : thread_([period, act = std::move(act)](const std::stop_token& stop) {
        std::mutex mutex;
        std::condition_variable_any never;
        std::unique_lock lock(mutex);
        while (true) {
          never.wait_for(lock, stop, period, [] { return false; });
          if (stop.stop_requested())
            return;
          act();
        }
      }) {}

}  // namespace ocisync
