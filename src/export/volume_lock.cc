#include "export/volume_lock.h"

#include <chrono>

namespace ocisync {

VolumeLock::Hold VolumeLock::hold() {
  std::unique_lock threads(mutex_);
  const auto control = volume_.control();
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  auto processes =
      FileLock::acquire(*control, name_, [end] { return std::chrono::steady_clock::now() >= end; });
  return {std::move(threads), std::move(processes)};
}

}  // namespace ocisync
