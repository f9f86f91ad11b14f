#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "base/clock.h"
#include "net/retry.h"

namespace ocisync {

// How often a chart is checked, and how a failing one is tried again.
struct Pace {
  std::optional<Duration> interval;  // absent: until it is settled, once
  std::uint64_t jitter_percent = 0;
  Duration retry_min{0};
  Duration retry_max{0};
};

// What became of an attempt, as far as the next one depends on it.
enum class Settled {
  good,
  may_pass,  // worth trying again by itself
  stuck,     // only a change of spec, credentials or registry content helps
};

// When each chart is due. A chart that is well is due once an interval, later by up to jitter, and
// keeps its phase: being early or late once moves nothing after it. A failing one is due after its
// back-off, one that is stuck at its next turn. Without intervals the schedule ends: that is a
// one-shot run. Pure: time comes as an argument. One thread.
class Schedule {
 public:
  explicit Schedule(Random random) : random_(std::move(random)) {}

  // Due at once, after what was added before. A known chart starts over.
  void add(const std::string& chart, const Pace& pace, SteadyTime now);
  // From its next turn on.
  void set_pace(const std::string& chart, const Pace& pace);
  void remove(const std::string& chart);
  // As due as a chart can be: not before the moment its registry named. One under way is done again
  // when it has ended.
  void hasten(const std::string& chart, SteadyTime now);

  // A chart that is due; it is under way from now on.
  std::optional<std::string> take(SteadyTime now);

  // Ends what take() began. `not_before`: no sooner than this (Retry-After); `last_chance`: a retry
  // at this moment or later is not made, and the chart is done; back-offs are cut to use the time
  // that is left until then. Returns when the chart is due again; absent: it is done.
  std::optional<SteadyTime> settle(const std::string& chart, Settled how, SteadyTime now,
                                   std::optional<SteadyTime> not_before = {},
                                   SteadyTime last_chance = SteadyTime::max());

  // Ends what take() began as if it had not: due at once.
  void give_back(const std::string& chart, SteadyTime now);

  std::optional<SteadyTime> next_due() const;         // absent: nothing is waiting
  unsigned failures(const std::string& chart) const;  // in a row

  bool ended() const { return slots_.empty(); }  // nothing is due, now or ever

 private:
  struct Slot {
    Pace pace;
    SteadyTime anchor;  // turns come at whole intervals after this
    std::optional<SteadyTime> not_before{};
    unsigned failures = 0;
    bool hastened = false;                                      // while under way
    std::optional<std::pair<SteadyTime, std::uint64_t>> due{};  // absent while under way
  };

  void plan(const std::string& chart, Slot& slot, SteadyTime when);
  void unplan(const std::string& chart, Slot& slot);
  SteadyTime next_turn(const Slot& slot, SteadyTime now);

  Random random_;
  std::map<std::string, Slot, std::less<>> slots_;
  std::set<std::pair<std::pair<SteadyTime, std::uint64_t>, std::string>> waiting_;
  std::uint64_t order_ = 0;  // of equal moments: first come, first served
};

}  // namespace ocisync
