#include <algorithm>
#include <utility>

#include "reconcile/reconciler.h"

// How a reconciler lets a snapshot switch.
namespace ocisync {
namespace {

constexpr Duration kTogether = std::chrono::seconds(1);  // changes that share a generation

// What may heal by itself; a held generation is for charts to heal.
bool is_worth_a_retry(const SwitchReport& report) {
  return report.error && report.error->reason() != Reason::generation_held &&
         facts(report.error->reason()).fault == Fault::retry;
}

}  // namespace

void Reconciler::rollback_changed() {
  post([this] { want_switch(); });
  sync_now();  // whose outcomes say which revision waits
}

void Reconciler::want_switch() {
  const Spec& spec = followed_->rooms->spec;
  if (pass_ || spec.exports.layout != Layout::snapshot || switch_.due != SteadyTime::max())
    return;
  switch_.due = clock_.steady() + kTogether;
  if (spec.exports.on_failure == OnFailure::keep_generation)
    for (const auto& [name, slot] : slots_)
      if (!slot.group.empty() && (slot.under_way || slot.looking || slot.outcome.attempts == 0))
        switch_.awaited.insert(name);
}

SwitchWork Reconciler::switch_work(bool prune) const {
  SwitchWork work{.prune = prune, .failing = {}};
  for (const auto& [name, slot] : slots_) {
    const Outcome& outcome = slot.outcome;
    const bool unfinished =
        pass_ && outcome.state == ChartState::skipped && is_worked_on(followed_->chart(slot.index));
    const bool failing = outcome.state == ChartState::failed || unfinished;
    if (failing && outcome.required && !outcome.awaits_generation && !outcome.in_place)
      work.failing.push_back(name);
  }
  return work;
}

void Reconciler::tend_switch() {
  if (pass_ || closed_ || next_followed_ || switch_.busy || !switch_.awaited.empty() ||
      clock_.steady() < switch_.due)
    return;
  switch_.busy = true;
  switch_.due = SteadyTime::max();
  ++jobs_;
  lanes_.add(
      {.group = kLocal, .run = [this, work = switch_work(only_.empty()), followed = followed_] {
         post([this, report = switch_generation(*followed->rooms, work)] {
           --jobs_;
           switch_.busy = false;
           switched(report);
         });
       }});
}

void Reconciler::switched(const SwitchReport& report) {
  for (auto& [name, slot] : slots_) {
    if (!slot.outcome.awaits_generation)
      continue;
    Outcome outcome = slot.outcome;
    settle_after_switch(report, export_path(followed_->rooms->spec, followed_->chart(slot.index)),
                        outcome);
    metrics_.sync_ended(sync_result(outcome.state), outcome.duration);
    narrator_.ended(outcome, slot.next);
    if (slot.under_way)
      board_.attempt_began(name);  // again already
    if (pass_ || !outcome.awaits_generation)
      slot.outcome = std::move(outcome);  // else the next one settles it
  }
  switch_.held = report.error.has_value();
  if (report.switched()) {
    house_.work.published = house_.work.superseded = true;
    want_house(std::chrono::seconds(1));
  }
  const bool again = is_worth_a_retry(report);
  switch_.failures = again ? switch_.failures + 1 : 0;
  if (!again || pass_)
    return;
  const RetrySpec& retry = followed_->rooms->spec.retry;
  switch_.due = clock_.steady() + chart_backoff(switch_.failures, retry.min, retry.max, random_);
}

// Of a pass, in its own thread: nothing else is left to do.
SwitchReport Reconciler::last_switch(const std::stop_token& stop) {
  const Rooms& rooms = *followed_->rooms;
  const SwitchWork work = switch_work(only_.empty() && !closed_);
  SwitchReport report = switch_generation(rooms, work);
  for (unsigned failures = 1; is_worth_a_retry(report); ++failures) {
    const SteadyTime again = clock_.steady() + chart_backoff(failures, rooms.spec.retry.min,
                                                             rooms.spec.retry.max, random_);
    std::unique_lock lock(mutex_);
    if (again >= pass_->deadline ||
        changed_.wait_until(lock, stop, again, [&] { return stop.stop_requested(); }))
      break;
    lock.unlock();
    report = switch_generation(rooms, work);
  }
  return report;
}

}  // namespace ocisync
