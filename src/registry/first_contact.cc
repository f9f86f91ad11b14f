#include "registry/first_contact.h"

#include <utility>

#include "base/error.h"

namespace ocisync {

FirstContact::Turn::Turn(Turn&& other) noexcept
    : owner_(std::exchange(other.owner_, nullptr)), origin_(std::move(other.origin_)) {}

FirstContact::Turn::~Turn() {
  if (owner_)
    owner_->leave(origin_, Stage::unknown);
}

void FirstContact::Turn::met() {
  if (owner_)
    std::exchange(owner_, nullptr)->leave(origin_, Stage::met);
}

FirstContact::Turn FirstContact::enter(const Origin& origin, std::stop_token stop) {
  std::unique_lock lock(mutex_);
  Stage& stage = stages_[origin];
  if (stage == Stage::unknown) {
    stage = Stage::under_way;
    return Turn(this, origin);
  }
  const std::uint64_t before = ended_[origin];
  const bool over = changed_.wait(
      lock, stop, [&] { return stage != Stage::under_way || ended_[origin] != before; });
  if (!over)
    throw Error(Reason::cancelled, "stopped while waiting for " + origin.authority());
  return Turn(nullptr, origin);
}

void FirstContact::leave(const Origin& origin, Stage stage) {
  {
    const std::lock_guard lock(mutex_);
    stages_[origin] = stage;
    ++ended_[origin];
  }
  changed_.notify_all();
}

}  // namespace ocisync
