#include <utility>

#include "reconcile/failure.h"
#include "reconcile/reconciler.h"

// How charts pass the gates that judge a pass as a whole.
namespace ocisync {

void Reconciler::arrive(AtGates arrived) {
  if (!arrived.journey.waiting)
    return settle(arrived.name, std::move(arrived.journey.outcome));
  if (gates_.waiting.empty() && !pass_)
    gates_.due = clock_.steady() + followed_->rooms->spec.timeout;
  gates_.waiting.push_back(std::move(arrived));
}

void Reconciler::tend_gates() {
  if (gates_.waiting.empty() || gates_.busy)
    return;
  if (abandoned_ || next_followed_)
    turn_back_the_overtaken();
  if (travelling_ > 0 && clock_.steady() < gates_.due && !gates_.waiting.empty())
    return;
  gates_.due = SteadyTime::max();
  if (!gates_.waiting.empty())
    ask(std::exchange(gates_.waiting, {}));
}

// Nobody needs to be asked about what would not be published anyway.
void Reconciler::turn_back_the_overtaken() {
  for (AtGates& waiting : std::exchange(gates_.waiting, {})) {
    const auto slot = slots_.find(waiting.name);
    if (slot != slots_.end() && !slot->second.stop.stop_requested())
      gates_.waiting.push_back(std::move(waiting));
    else
      let_through(std::move(waiting), Error(Reason::cancelled, "stopped before it was published"));
  }
}

void Reconciler::ask(std::vector<AtGates> waiting) {
  gates_.busy = true;
  ++jobs_;
  lanes_.add({.group = kLocal,
              .run = [this, hooks = followed_->rooms->hooks, stop = gates_.stop.get_token(),
                      waiting = std::move(waiting)]() mutable {
                const auto refusal = failure_of([&] {
                  std::vector<HookChange> changes;
                  for (const AtGates& each : waiting)
                    changes.push_back(each.followed->task.told_to_gates(*each.journey.waiting));
                  hooks->ask_gates(HookSpec::Per::pass, changes, stop);
                });
                post([this, waiting = std::move(waiting), refusal]() mutable {
                  --jobs_;
                  gates_.busy = false;
                  for (AtGates& each : waiting)
                    let_through(std::move(each), refusal);
                });
              }});
}

// To its readers, or back.
void Reconciler::let_through(AtGates waiting, const std::optional<Error>& refusal) {
  const auto found = slots_.find(waiting.name);
  if (found == slots_.end())
    return;
  const Slot& slot = found->second;
  ++jobs_;
  lanes_.add({.group = slot.group,
              .run = [this, waiting = std::move(waiting), refusal, last_success = slot.last_success,
                      stop = slot.stop.get_token()]() mutable {
                const ChartSpec& chart = waiting.followed->chart(waiting.index);
                Outcome outcome = waiting.followed->finish(
                    chart, last_success, std::move(waiting.journey), refusal, stop);
                post([this, name = waiting.name, outcome = std::move(outcome)]() mutable {
                  --jobs_;
                  settle(name, std::move(outcome));
                });
              }});
}

}  // namespace ocisync
