#include "reconcile/followed_spec.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "reconcile/failure.h"
#include "spec/effect.h"
#include "spec/quantity.h"

namespace ocisync {

FollowedSpec::FollowedSpec(std::shared_ptr<const Rooms> with)
    : rooms(std::move(with)), task(*rooms) {
  for (std::size_t i = 0; i < rooms->spec.charts.size(); ++i)
    index_.emplace(chart(i).name, i);
}

bool FollowedSpec::continues_as(const FollowedSpec& next, std::size_t index) const {
  const ChartSpec& ours = chart(index);
  const auto theirs = next.index_.find(ours.name);
  if (theirs == next.index_.end() ||
      !same_effect(rooms->spec, ours, next.rooms->spec, next.chart(theirs->second)))
    return false;
  const auto locked = [&](const Rooms& with) {
    return with.terms.lock ? with.terms.lock->find(ours.name) : nullptr;
  };
  const LockedChart* before = locked(*rooms);
  const LockedChart* now = locked(*next.rooms);
  return before == now || (before && now && *before == *now);
}

Pace FollowedSpec::pace(const ChartSpec& chart, bool once) const {
  const Spec& spec = rooms->spec;
  return {.interval = once ? std::nullopt : std::optional(chart.interval.value_or(spec.interval)),
          .jitter_percent = spec.jitter_percent,
          .retry_min = spec.retry.min,
          .retry_max = spec.retry.max};
}

Settled FollowedSpec::verdict(Reason reason, bool once) const {
  switch (facts(reason).fault) {
    case Fault::retry:
      return Settled::may_pass;
    case Fault::fetch_again:
      return once ? Settled::stuck : Settled::may_pass;
    case Fault::wait_for_person:
    case Fault::stop:
      break;
  }
  return Settled::stuck;
}

std::size_t FollowedSpec::lanes() const {
  return std::clamp<std::size_t>(rooms->spec.charts.size(), 1, rooms->spec.concurrency);
}

Duration FollowedSpec::house_interval() const {
  return std::clamp<Duration>(rooms->spec.interval, std::chrono::seconds(1),
                              std::chrono::minutes(5));
}

std::vector<BoardChart> FollowedSpec::board_charts() const {
  const Spec& spec = rooms->spec;
  std::vector<BoardChart> charts;
  for (const ChartSpec& chart : spec.charts)
    charts.push_back({.name = chart.name,
                      .ref = chart.written_ref,
                      .range = chart.range ? chart.range_text : std::string(),
                      .required = chart.required,
                      .suspended = spec.suspend || chart.suspend,
                      .interval = chart.interval.value_or(spec.interval),
                      .export_path = absolute_export_path(spec, export_path(spec, chart))});
  return charts;
}

Outcome FollowedSpec::untouched(const ChartSpec& chart) const {
  Outcome outcome;
  outcome.name = chart.name;
  outcome.reference = chart.reference.str();
  outcome.required = chart.required;
  outcome.export_path = absolute_export_path(rooms->spec, export_path(rooms->spec, chart));
  outcome.message = kNeverStarted;
  return outcome;
}

Outcome FollowedSpec::parked(const ChartSpec& chart, const std::set<std::string>& only) const {
  Outcome outcome = untouched(chart);
  outcome.selected = only.empty() || only.contains(chart.name);
  outcome.state = outcome.selected ? ChartState::suspended : ChartState::skipped;
  outcome.message = outcome.selected ? "suspended in the spec" : "not selected";
  return outcome;
}

std::optional<Publication> FollowedSpec::publication(const ChartSpec& chart) const {
  std::optional<Publication> shown;
  failure_of([&] {
    if (rooms->publisher)
      shown = rooms->publisher->shown(export_path(rooms->spec, chart));
  });
  return shown;
}

std::optional<Publication> FollowedSpec::intact_publication(const ChartSpec& chart) const {
  std::optional<Publication> intact;
  failure_of([&] {
    auto published = publication(chart);
    if (published &&
        rooms->publisher->examine(published->path, published) == PublishedState::current)
      intact = std::move(published);
  });
  return intact;
}

Journey FollowedSpec::attempt(const ChartSpec& chart, std::optional<WallTime> last_success,
                              std::stop_token stop) {
  Journey journey = task.run(chart, std::move(stop));
  journey.outcome.attempts = 1;
  if (!journey.waiting)
    look_back(chart, last_success, journey.outcome);
  return journey;
}

Outcome FollowedSpec::finish(const ChartSpec& chart, std::optional<WallTime> last_success,
                             Journey journey, const std::optional<Error>& refusal,
                             const std::stop_token& stop) const {
  Outcome outcome = task.finish(std::move(journey), refusal, stop);
  look_back(chart, last_success, outcome);
  return outcome;
}

void FollowedSpec::look_back(const ChartSpec& chart, std::optional<WallTime> last_success,
                             Outcome& outcome) const {
  if (outcome.state == ChartState::failed)
    say_what_stands(chart, last_success, outcome);
  else
    outcome.intact = outcome.digest.has_value() && !outcome.awaits_generation;
}

// A chart that could not be checked is in place if it was confirmed recently enough.
void FollowedSpec::say_what_stands(const ChartSpec& chart, std::optional<WallTime> last_success,
                                   Outcome& outcome) const {
  const auto published = publication(chart);
  if (!published)
    return;
  outcome.version = published->chart_version;
  outcome.digest = published->manifest;
  outcome.intact = intact_publication(chart).has_value();
  const Duration accepted = rooms->spec.accept_stale;
  if (accepted.count() == 0 || facts(*outcome.reason).fault != Fault::retry || !last_success)
    return;
  if (outcome.intact && rooms->clock.wall() - *last_success < accepted) {
    outcome.in_place = true;
    outcome.hint = fmt::format("confirmed at {}, accepted for {}", rfc3339(*last_success),
                               format_duration(accepted));
  }
}

}  // namespace ocisync
