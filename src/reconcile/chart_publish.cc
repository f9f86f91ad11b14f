// The end of a chart's journey: past the gates, to its readers.

#include "reconcile/chart_task.h"

namespace ocisync {

ReadyChart ChartTask::ready(const ChartSpec& chart, const ChartPlan& plan,
                            const SelectedChart& selected, const TreeRecord& tree) const {
  const Revision& revision = plan.revision;
  const auto& before = plan.observed.publication;
  return {.publication = {.path = export_path(rooms_.spec, chart),
                          .owner = rooms_.spec.name,
                          .chart = chart.name,
                          .layout = rooms_.spec.exports.layout,
                          .format = chart.export_format,
                          .manifest = selected.manifest.digest,
                          .index = selected.manifest.digest == revision.resolved
                                       ? std::nullopt
                                       : std::optional(revision.resolved),
                          .chart_name = tree.chart_name,
                          .chart_version = tree.chart_version,
                          .reference = revision.reference.str(),
                          .published = {}},
          .action = plan.step.action,
          .previous = before ? before->manifest.str() : std::string()};
}

// Asks the gates of the chart; those of the pass are asked once all of it is ready.
bool ChartTask::waits_for_gates(const ReadyChart& ready, const std::stop_token& stop) const {
  if (!rooms_.hooks || !ready.is_news())
    return false;
  rooms_.hooks->ask_gates(HookSpec::Per::chart, {told_to_gates(ready)}, stop);
  return rooms_.hooks->has_pass_gates();
}

HookChange ChartTask::told_to_gates(const ReadyChart& ready) const {
  HookChange change = change_of(rooms_.spec, ready.action, ready.publication, ready.previous);
  if (const auto tree =
          rooms_.publisher->trees().open(ready.publication.format, ready.publication.manifest))
    change.path = tree->path().string();
  return change;
}

Outcome ChartTask::finish(Journey journey, const std::optional<Error>& refusal,
                          const std::stop_token& stop) const {
  const SteadyTime started = rooms_.clock.steady();
  Outcome& outcome = journey.outcome;
  account(outcome, [&] {
    if (refusal)
      throw *refusal;
    if (stop.stop_requested())
      throw Error(Reason::cancelled, "stopped before it was published");
    at_stage("publish", [&] {
      rooms_.cache.with_room(*rooms_.publisher->control(),
                             [&] { publish(*journey.waiting, outcome); });
    });
  });
  outcome.duration += std::chrono::duration_cast<Duration>(rooms_.clock.steady() - started);
  return std::move(outcome);
}

void ChartTask::publish(const ReadyChart& ready, Outcome& outcome) const {
  Publication publication = ready.publication;
  publication.published = rooms_.clock.wall();
  const HookChange change = change_of(rooms_.spec, ready.action, publication, ready.previous);
  const bool together = publication.layout == Layout::snapshot;
  const bool told_by_switch = together && ready.is_news();
  if (rooms_.hooks && !told_by_switch)
    rooms_.hooks->write_down(change);
  rooms_.publisher->publish(publication);
  if (rooms_.hooks && !told_by_switch)
    rooms_.hooks->published(change);
  outcome.state = ready.action == Action::repair ? ChartState::repaired : ChartState::updated;
  outcome.version = publication.chart_version;
  outcome.digest = publication.manifest;
  if (!ready.previous.empty() && ready.previous != publication.manifest.str())
    outcome.previous = Digest::parse(ready.previous);
  outcome.in_place = !together;
  outcome.awaits_generation = together;
}

}  // namespace ocisync
