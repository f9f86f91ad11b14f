#include "reconcile/schedule.h"

#include <algorithm>

namespace ocisync {
namespace {

constexpr Duration kLastTry = std::chrono::seconds(1);  // before time runs out

// A back-off that leads past the end is cut to half of what is left, and to a last try once that is
// less than the least back-off: a long doubling must not give half of the time away.
SteadyTime::duration within(SteadyTime::duration left, Duration least, Duration backoff) {
  if (backoff < left)
    return backoff;
  if (left / 2 >= least)
    return left / 2;
  return left > kLastTry ? left - kLastTry : left;
}

}  // namespace

void Schedule::plan(const std::string& chart, Slot& slot, SteadyTime when) {
  slot.due = {when, order_++};
  waiting_.insert({*slot.due, chart});
}

void Schedule::unplan(const std::string& chart, Slot& slot) {
  if (slot.due)
    waiting_.erase({*slot.due, chart});
  slot.due.reset();
}

void Schedule::add(const std::string& chart, const Pace& pace, SteadyTime now) {
  remove(chart);
  Slot& slot = slots_.emplace(chart, Slot{.pace = pace, .anchor = now}).first->second;
  plan(chart, slot, now);
}

void Schedule::set_pace(const std::string& chart, const Pace& pace) {
  if (const auto found = slots_.find(chart); found != slots_.end())
    found->second.pace = pace;
}

void Schedule::remove(const std::string& chart) {
  const auto found = slots_.find(chart);
  if (found == slots_.end())
    return;
  unplan(chart, found->second);
  slots_.erase(found);
}

void Schedule::hasten(const std::string& chart, SteadyTime now) {
  const auto found = slots_.find(chart);
  if (found == slots_.end())
    return;
  Slot& slot = found->second;
  if (!slot.due) {
    slot.hastened = true;
    return;
  }
  const SteadyTime when = std::max(now, slot.not_before.value_or(now));
  if (when >= slot.due->first)
    return;
  unplan(chart, slot);
  plan(chart, slot, when);
}

std::optional<std::string> Schedule::take(SteadyTime now) {
  if (waiting_.empty() || waiting_.begin()->first.first > now)
    return std::nullopt;
  const std::string chart = waiting_.begin()->second;
  unplan(chart, slots_.find(chart)->second);
  return chart;
}

SteadyTime Schedule::next_turn(const Slot& slot, SteadyTime now) {
  const Duration interval = *slot.pace.interval;
  const auto turns = (now - slot.anchor) / interval + 1;
  const double spread = static_cast<double>(slot.pace.jitter_percent) / 100 * random_();
  return slot.anchor + turns * interval +
         Duration(static_cast<Duration::rep>(static_cast<double>(interval.count()) * spread));
}

std::optional<SteadyTime> Schedule::settle(const std::string& chart, Settled how, SteadyTime now,
                                           std::optional<SteadyTime> not_before,
                                           SteadyTime last_chance) {
  const auto found = slots_.find(chart);
  if (found == slots_.end())
    return std::nullopt;
  Slot& slot = found->second;
  slot.not_before = not_before;
  slot.failures = how == Settled::good ? 0 : slot.failures + 1;
  std::optional<SteadyTime> when;
  if (std::exchange(slot.hastened, false))
    when = now;
  else if (how == Settled::may_pass)
    when = now +
           within(last_chance - now, slot.pace.retry_min,
                  chart_backoff(slot.failures, slot.pace.retry_min, slot.pace.retry_max, random_));
  else if (slot.pace.interval)
    when = next_turn(slot, now);
  if (when && not_before)
    when = std::max(*when, *not_before);
  if (!when || *when >= last_chance) {
    slots_.erase(found);
    return std::nullopt;
  }
  plan(chart, slot, *when);
  return when;
}

void Schedule::give_back(const std::string& chart, SteadyTime now) {
  const auto found = slots_.find(chart);
  if (found == slots_.end())
    return;
  found->second.hastened = false;
  plan(chart, found->second, now);
}

std::optional<SteadyTime> Schedule::next_due() const {
  if (waiting_.empty())
    return std::nullopt;
  return waiting_.begin()->first.first;
}

unsigned Schedule::failures(const std::string& chart) const {
  const auto found = slots_.find(chart);
  return found == slots_.end() ? 0 : found->second.failures;
}

}  // namespace ocisync
