#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <stop_token>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "observe/status_board.h"
#include "reconcile/chart_task.h"
#include "reconcile/outcome.h"
#include "reconcile/schedule.h"

namespace ocisync {

// A spec that is followed and the rooms that were built for it: what they mean for single charts.
// Jobs hold it while they run, so a new spec never pulls it from under them. Immutable; safe from
// any thread.
struct FollowedSpec {
  explicit FollowedSpec(std::shared_ptr<const Rooms> with);

  const ChartSpec& chart(std::size_t index) const { return rooms->spec.charts[index]; }

  // Whether that chart of ours is in `next` with the same effect.
  bool continues_as(const FollowedSpec& next, std::size_t index) const;

  // `once`: the schedule ends with it.
  Pace pace(const ChartSpec& chart, bool once) const;
  // What a failure means for the next attempt; in a pass only what may heal by itself is tried
  // again.
  Settled verdict(Reason reason, bool once) const;
  std::size_t lanes() const;        // for charts alone
  Duration house_interval() const;  // between two times when nothing happened
  std::vector<BoardChart> board_charts() const;

  // The outcome of a chart whose turn has not come, and never may.
  Outcome untouched(const ChartSpec& chart) const;
  // ... and of one that is suspended, or not among those that were asked for.
  Outcome parked(const ChartSpec& chart, const std::set<std::string>& only) const;

  // These touch files: in a lane. A volume that cannot be read shows nothing: the attempt says why.
  std::optional<Publication> publication(const ChartSpec& chart) const;
  std::optional<Publication> intact_publication(const ChartSpec& chart) const;
  Journey attempt(const ChartSpec& chart, std::optional<WallTime> last_success,
                  std::stop_token stop);
  // The end of a journey that waited for the gates of the pass.
  Outcome finish(const ChartSpec& chart, std::optional<WallTime> last_success, Journey journey,
                 const std::optional<Error>& refusal, const std::stop_token& stop) const;

  const std::shared_ptr<const Rooms> rooms;
  ChartTask task;

 private:
  void look_back(const ChartSpec& chart, std::optional<WallTime> last_success,
                 Outcome& outcome) const;
  void say_what_stands(const ChartSpec& chart, std::optional<WallTime> last_success,
                       Outcome& outcome) const;

  std::unordered_map<std::string_view, std::size_t> index_;  // by name
};

}  // namespace ocisync
