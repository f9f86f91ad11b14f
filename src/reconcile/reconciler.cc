#include "reconcile/reconciler.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "reconcile/followed_spec.h"

namespace ocisync {
namespace {

constexpr Duration kBeat = std::chrono::seconds(10);

// Of all attempts in a pass.
void add_costs(const Outcome& before, Outcome& outcome) {
  outcome.attempts += before.attempts;
  outcome.requests += before.requests;
  outcome.bytes += before.bytes;
  outcome.duration += before.duration;
}

}  // namespace

Reconciler::Reconciler(std::shared_ptr<const Rooms> rooms, StatusBoard& board, Metrics& metrics,
                       std::optional<std::filesystem::path> status_file, Random random)
    : board_(board),
      metrics_(metrics),
      status_file_(std::move(status_file)),
      log_(rooms->log),
      clock_(rooms->clock),
      lanes_(rooms->lanes),
      random_(std::move(random)),
      schedule_([this] { return random_(); }),
      narrator_(log_, board_, clock_),
      next_followed_(std::make_shared<FollowedSpec>(std::move(rooms))) {}

Reconciler::~Reconciler() = default;

PassResult Reconciler::pass(const PassOptions& options, std::stop_token stop) {
  const SteadyTime began = clock_.steady();
  const WallTime started = clock_.wall();
  pass_ = &options;
  only_ = options.only;
  run(stop);
  PassResult result = end_pass(stop);
  if (Hooks* hooks = followed_->rooms->hooks)
    result.hooks_owed = hooks->finish(options.deadline, stop);
  result.started = started;
  result.duration = std::chrono::duration_cast<Duration>(clock_.steady() - began);
  return result;
}

void Reconciler::watch(const std::set<std::string>& only, std::stop_token stop) {
  only_ = only;
  lanes_.expect(kLocal);
  run(stop);
  lanes_.forget(kLocal);
  write_status(*followed_->rooms);
}

void Reconciler::sync_now() {
  post([this] {
    for (const auto& [name, slot] : slots_)
      hasten(name);
  });
}

void Reconciler::sync_now(std::set<std::string> charts) {
  post([this, charts = std::move(charts)] {
    for (const std::string& name : charts)
      hasten(name);
  });
}

void Reconciler::follow(std::shared_ptr<const Rooms> rooms) {
  post([this, next = std::make_shared<FollowedSpec>(std::move(rooms))]() mutable {
    next_followed_ = std::move(next);
    for (auto& [name, slot] : slots_)
      if (slot.under_way && !followed_->continues_as(*next_followed_, slot.index)) {
        slot.overtaken = true;
        slot.stop.request_stop();
      }
  });
}

// ---- the loop ----

void Reconciler::post(std::function<void()> act) {
  const std::lock_guard lock(mutex_);
  inbox_.push_back(std::move(act));
  changed_.notify_all();
}

void Reconciler::run(const std::stop_token& stop) {
  adopt(std::exchange(next_followed_, nullptr));
  while (true) {
    board_.beat();
    if (stop.stop_requested())
      abandon();
    adopt_if_free();
    while (!closed_ && !next_followed_) {
      const auto name = schedule_.take(clock_.steady());
      if (!name)
        break;
      start(*name, slots_.find(*name)->second);
    }
    tend_gates();
    tend_switch();
    tend_house();
    if (jobs_ == 0 && gates_.waiting.empty() && (closed_ || (pass_ && schedule_.ended())))
      return;
    wait(stop);
  }
}

// Until somebody has something to say, or it is time for the next thing to do.
void Reconciler::wait(const std::stop_token& stop) {
  std::deque<std::function<void()>> acts;
  {
    std::unique_lock lock(mutex_);
    SteadyTime until = clock_.steady() + kBeat;
    if (const auto due = schedule_.next_due(); due && !closed_ && !next_followed_)
      until = std::min(until, *due);
    if (!pass_ && !closed_ && !house_.busy)
      until = std::min(until, house_.due);
    if (!gates_.busy)
      until = std::min(until, gates_.due);
    if (!pass_ && !closed_ && !next_followed_ && !switch_.busy && switch_.awaited.empty())
      until = std::min(until, switch_.due);
    const auto something = [&] { return !inbox_.empty(); };
    if (abandoned_)
      changed_.wait_until(lock, until, something);
    else
      changed_.wait_until(lock, stop, until, something);
    acts.swap(inbox_);
  }
  for (const auto& act : acts)
    act();
}

// Nothing begins any more, and what is under way is cut off.
void Reconciler::abandon() {
  close();
  gates_.stop.request_stop();
  if (!std::exchange(abandoned_, true))
    for (auto& [name, slot] : slots_)
      slot.stop.request_stop();
}

void Reconciler::close() { closed_ = true; }

// ---- one chart ----

// What an earlier process left counts before any registry is asked: a good volume is ready. Of a
// chart that is not worked on it is all there is to tell.
void Reconciler::look(const std::string& name, Slot& slot) {
  const bool parked = slot.group.empty();
  ++jobs_;
  if (!parked)
    ++travelling_;
  slot.looking = true;
  lanes_.add(
      {.group = kLocal, .run = [this, name, parked, followed = followed_, index = slot.index] {
         const ChartSpec& looked_at = followed->chart(index);
         std::optional<Publication> found;
         if (pass_)
           found = followed->publication(looked_at);
         else if (!closed_)
           found = followed->intact_publication(looked_at);
         post([this, name, parked, found] {
           --jobs_;
           if (!parked)
             --travelling_;
           looked(name, found);
         });
       }});
}

void Reconciler::looked(const std::string& name, const std::optional<Publication>& found) {
  const auto here = slots_.find(name);
  if (here == slots_.end() || !std::exchange(here->second.looking, false))
    return;
  Slot& slot = here->second;
  if (found && !pass_)  // a pass only tells what is said to stand there
    board_.export_found(name, found->chart_version, found->manifest);
  if (!slot.group.empty())
    return enter(followed_->chart(slot.index));
  if (found) {
    slot.outcome.version = found->chart_version;
    slot.outcome.digest = found->manifest;
  }
}

// Somebody wants to know how things are now.
void Reconciler::hasten(const std::string& name) {
  indexes_renewed_.reset();
  schedule_.hasten(name, clock_.steady());
}

// An index serves all charts of a classic repository that come by within half an interval.
void Reconciler::renew_indexes(const ChartSpec& chart) {
  const Rooms& rooms = *followed_->rooms;
  const Duration interval = chart.interval.value_or(rooms.spec.interval);
  if (pass_ || !chart.repository ||
      (indexes_renewed_ && clock_.steady() - *indexes_renewed_ < interval / 2))
    return;
  rooms.registry.renew_indexes();
  indexes_renewed_ = clock_.steady();
}

void Reconciler::start(const std::string& name, Slot& slot) {
  renew_indexes(followed_->chart(slot.index));
  slot.under_way = true;
  slot.stop = std::stop_source();
  ++jobs_;
  ++travelling_;
  const auto work = [this, name, followed = followed_, index = slot.index,
                     last_success = slot.last_success, stop = slot.stop.get_token()] {
    const ChartSpec& chart = followed->chart(index);
    Journey journey{followed->untouched(chart)};
    if (!closed_ && !stop.stop_requested()) {
      board_.attempt_began(name);
      journey = followed->attempt(chart, last_success, stop);
    }
    post([this, arrived = AtGates{name, index, std::move(journey), followed}]() mutable {
      --jobs_;
      --travelling_;
      arrive(std::move(arrived));
    });
  };
  lanes_.add({.group = slot.group, .run = work});
}

void Reconciler::settle(const std::string& name, Outcome outcome) {
  const auto found = slots_.find(name);
  if (found == slots_.end())
    return;
  Slot& slot = found->second;
  slot.under_way = false;
  switch_.awaited.erase(name);
  note(outcome, slot);
  if (std::exchange(slot.overtaken, false) || closed_)
    return cut_off(name, slot, std::move(outcome));
  const bool failed = outcome.state == ChartState::failed;
  const Settled how =
      failed ? followed_->verdict(*outcome.reason, pass_ != nullptr) : Settled::good;
  Narrator::Next next;
  next.failures = failed ? schedule_.failures(name) + 1 : 0;
  next.last_success = slot.last_success;
  next.when = schedule_.settle(name, how, clock_.steady(), outcome.not_before,
                               pass_ ? pass_->deadline : SteadyTime::max());
  if (how == Settled::may_pass && !next.when)
    outcome.message += fmt::format(" (no further try fits into {})", pass_->deadline_text);
  if (outcome.awaits_generation)
    slot.next = next;
  else
    narrator_.ended(outcome, next);
  if (outcome.awaits_generation || switch_.held)
    want_switch();
  if (!failed)
    slot.last_success = clock_.wall();
  if (pass_)
    add_costs(slot.outcome, outcome);
  slot.outcome = std::move(outcome);
  if (next.when)
    return;
  finish(slot);
  if (Progress* progress = followed_->rooms->progress)
    progress->chart_done(failed);
  if (failed && slot.outcome.required && !slot.outcome.in_place && pass_ && pass_->fail_fast)
    close();
}

// An attempt that was asked to end, whether it heard of it or not.
void Reconciler::cut_off(const std::string& name, Slot& slot, Outcome outcome) {
  schedule_.give_back(name, clock_.steady());
  if (!outcome.awaits_generation)
    narrator_.ended(outcome, {});
  const bool never_began = outcome.state == ChartState::skipped;
  const bool cancelled = outcome.reason == Reason::cancelled;
  if (pass_)
    add_costs(slot.outcome, outcome);
  if (never_began || (cancelled && slot.outcome.attempts > 0))
    slot.outcome.attempts = outcome.attempts;  // what it was tried again for says more
  else
    slot.outcome = std::move(outcome);
}

// What an attempt means for the house and the figures.
void Reconciler::note(const Outcome& outcome, const Slot& slot) {
  const bool published =
      outcome.state == ChartState::updated || outcome.state == ChartState::repaired;
  house_.work.published = house_.work.published || published;
  house_.work.superseded = house_.work.superseded || outcome.previous.has_value();
  if (outcome.state != ChartState::skipped && outcome.reason != Reason::cancelled &&
      !outcome.awaits_generation)
    metrics_.sync_ended(sync_result(outcome.state), outcome.duration);
  if (published || outcome.state != slot.outcome.state || outcome.reason != slot.outcome.reason)
    want_house(std::chrono::seconds(1));
}

}  // namespace ocisync
