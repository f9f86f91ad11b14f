#include "export/volume_sync.h"

namespace ocisync {

void VolumeSync::wait() {
  std::unique_lock lock(mutex_);
  const auto group = forming_;
  while (!group->done) {
    if (syncing_) {
      changed_.wait(lock);
      continue;
    }
    // Not done and nobody syncs: the group is still forming, and this thread leads it.
    syncing_ = true;
    forming_ = std::make_shared<Group>();
    lock.unlock();
    std::optional<Error> error;
    try {
      sync_();
    } catch (const Error& caught) {
      error = caught;
    } catch (...) {  // the group waits for an answer, whatever it was
      error = Error(Reason::internal, "the thread that synced the volume failed");
    }
    lock.lock();
    group->error = std::move(error);
    group->done = true;
    syncing_ = false;
    changed_.notify_all();
  }
  if (group->error)
    throw Error(*group->error);
}

}  // namespace ocisync
