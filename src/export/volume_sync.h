#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>

#include "base/error.h"

namespace ocisync {

// A group commit: many threads want what they wrote to be on disk, one of them has the volume
// synced for all that arrived before it began, and whoever arrives meanwhile forms the next group.
// Nobody waits for company. Safe from any thread.
class VolumeSync {
 public:
  explicit VolumeSync(std::function<void()> sync) : sync_(std::move(sync)) {}

  // Returns once everything written before the call is synced; throws what the sync threw, to every
  // member of the group: a kernel reports a failed write once only.
  void wait();

 private:
  struct Group {
    bool done = false;
    std::optional<Error> error;
  };

  const std::function<void()> sync_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool syncing_ = false;
  std::shared_ptr<Group> forming_ = std::make_shared<Group>();
};

}  // namespace ocisync
