// The half of the publisher that lets `current` lead to another generation.

#include <fmt/format.h>

#include "base/error.h"
#include "export/publisher_state.h"

namespace ocisync {

void Publisher::State::require_trees(const Generation& generation) const {
  for (const Publication& publication : generation.charts)
    if (!volume.find(relative_path(publication.tree())))
      throw Error(Reason::storage_failed,
                  "the unpacked chart of " + publication.manifest.str() + " was removed meanwhile");
}

void Publisher::State::require_no_pin() const {
  if (const auto pin = snapshot.pin())
    throw Error(Reason::rolled_back,
                fmt::format("rolled back to generation {}, which stays", pin->generation));
}

std::shared_ptr<const Generation> Publisher::show_generation(std::vector<Publication> charts,
                                                             WallTime now) {
  State& state = *state_;
  const Snapshot& snapshot = state.snapshot;
  std::shared_ptr<const Generation> next;
  {
    // From here on retention spares what it names.
    const auto hold = state.lock.hold();
    snapshot.require_ours();
    state.require_no_pin();
    const auto numbers = snapshot.numbers();
    next = numbers.empty() ? nullptr : snapshot.find(numbers.front());
    if (!next || !next->holds(charts) || !snapshot.stands(*next))
      next = snapshot.make(std::move(charts), now);
    state.require_trees(*next);
  }
  state.sync.wait();
  const auto hold = state.lock.hold();
  state.require_no_pin();  // a rollback may have come meanwhile
  snapshot.show(next->number);
  snapshot.trim(kKeptGenerations);
  return next;
}

void Publisher::roll_back(const Pin& pin) {
  State& state = *state_;
  const auto hold = state.lock.hold();
  const auto generation = state.snapshot.find(pin.generation);
  if (!generation)
    throw Error(Reason::not_found, fmt::format("there is no generation {}", pin.generation));
  for (const Publication& publication : generation->charts)
    state.require_intact_tree(publication);
  state.snapshot.set_pin(pin);
  state.snapshot.show(pin.generation);
}

void Publisher::remove_pin() {
  const auto hold = state_->lock.hold();
  state_->snapshot.remove_pin();
}

}  // namespace ocisync
