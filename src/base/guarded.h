#pragma once

#include <mutex>
#include <utility>

namespace ocisync {

// A value that can only be reached while its lock is held. Compute inside, act outside.
template <typename T>
class Guarded {
 public:
  Guarded() = default;

  explicit Guarded(T value) : value_(std::move(value)) {}

  template <typename Act>
  decltype(auto) with(Act&& act) {
    std::lock_guard lock(mutex_);
    return std::forward<Act>(act)(value_);
  }

  template <typename Act>
  decltype(auto) with(Act&& act) const {
    std::lock_guard lock(mutex_);
    return std::forward<Act>(act)(value_);
  }

 private:
  mutable std::mutex mutex_;
  T value_{};
};

}  // namespace ocisync
