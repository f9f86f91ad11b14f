#include "reconcile/reconciler.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/text.h"
#include "export/retention.h"
#include "reconcile/confirmations.h"
#include "spec/quantity.h"
#include "store/layout_index.h"
#include "store/roots.h"
#include "store/sweep.h"

namespace ocisync {

// The state of one pass. Slots of `charts` belong to the job that works on them.
struct Reconciler::Pass {
  const PassOptions& options;
  std::stop_token stop;
  std::stop_source abandon;  // fail-fast, or the caller's stop
  PassResult result;
  std::vector<unsigned> failures;
  SteadyTime started;
  Confirmations confirmed;  // before this pass
};

Reconciler::Reconciler(const Rooms& rooms, Random random)
    : rooms_(rooms), random_(std::move(random)), task_(rooms) {}

PassResult Reconciler::pass(const PassOptions& options, std::stop_token stop) {
  Pass pass{.options = options,
            .stop = stop,
            .abandon = {},
            .result = {},
            .failures = std::vector<unsigned>(rooms_.spec.charts.size()),
            .started = rooms_.clock.steady(),
            .confirmed = {}};
  if (rooms_.publisher)
    pass.confirmed = read_confirmations(*rooms_.publisher->control(), rooms_.spec.name);
  const std::stop_callback forward(stop, [&] { pass.abandon.request_stop(); });
  PassResult& result = pass.result;
  result.spec_name = rooms_.spec.name;
  result.spec_hash = rooms_.spec.hash;
  result.started = rooms_.clock.wall();
  result.charts.resize(rooms_.spec.charts.size());

  std::vector<Reference> expected;
  for (const ChartSpec& chart : rooms_.spec.charts)
    expected.push_back(chart.reference);
  rooms_.registry.expect(expected);
  for (std::size_t i = 0; i < rooms_.spec.charts.size(); ++i)
    start(pass, i);
  rooms_.lanes.drain(pass.abandon.get_token());

  withdraw(pass);
  keep_house(pass);
  result.duration = std::chrono::duration_cast<Duration>(rooms_.clock.steady() - pass.started);
  return std::move(result);
}

void Reconciler::start(Pass& pass, std::size_t index) {
  const ChartSpec& chart = rooms_.spec.charts[index];
  Outcome& slot = pass.result.charts[index];
  slot.name = chart.name;
  slot.reference = chart.reference.str();
  slot.required = chart.required;
  slot.export_path = absolute_export_path(rooms_.spec, chart.export_path);
  slot.message = kNeverStarted;
  const bool selected = pass.options.only.empty() || pass.options.only.contains(chart.name);
  const bool suspended = rooms_.spec.suspend || chart.suspend;
  if (selected && !suspended) {
    rooms_.lanes.add({.group = rooms_.registry.registry_key(chart.reference),
                      .run = [this, &pass, index] { attempt(pass, index); }});
    return;
  }
  slot.state = selected ? ChartState::suspended : ChartState::skipped;
  slot.message = selected ? "suspended in the spec" : "not selected";
  if (const auto publication = find_publication(chart)) {
    slot.version = publication->chart_version;
    slot.digest = publication->manifest;
  }
}

std::optional<Publication> Reconciler::find_publication(const ChartSpec& chart) const {
  return rooms_.publisher ? rooms_.publisher->find(chart.export_path) : std::nullopt;
}

void Reconciler::attempt(Pass& pass, std::size_t index) {
  const ChartSpec& chart = rooms_.spec.charts[index];
  Outcome outcome = task_.run(chart, pass.stop);
  Outcome& slot = pass.result.charts[index];
  outcome.attempts = slot.attempts + 1;
  outcome.requests += slot.requests;
  outcome.bytes += slot.bytes;
  outcome.duration += slot.duration;
  settle(pass, index, std::move(outcome));
}

void Reconciler::settle(Pass& pass, std::size_t index, Outcome outcome) {
  const ChartSpec& chart = rooms_.spec.charts[index];
  Outcome& slot = pass.result.charts[index];
  const bool failed = outcome.state == ChartState::failed;
  if (failed && outcome.reason == Reason::cancelled && slot.attempts > 0) {
    // The run ended during a retry: what it was retried for says more than "cancelled".
    slot.attempts = outcome.attempts;
    return;
  }
  std::optional<SteadyTime> again;
  if (failed && facts(*outcome.reason).fault == Fault::retry) {
    again = next_try(pass, outcome, ++pass.failures[index]);
    if (!again)
      outcome.message += fmt::format(" (no further try fits into {})", pass.options.deadline_text);
  }
  if (failed)
    excuse_if_recent(pass, outcome, chart);
  slot = std::move(outcome);
  if (again && !pass.abandon.stop_requested()) {
    rooms_.log.info("ChartRetry", "trying again later",
                    {{"chart", slot.name},
                     {"reason", std::string(to_string(*slot.reason))},
                     {"attempt", std::int64_t{slot.attempts}},
                     {"error", slot.message}});
    rooms_.lanes.add({.group = rooms_.registry.registry_key(chart.reference),
                      .run = [this, &pass, index] { attempt(pass, index); },
                      .not_before = *again});
    return;
  }
  switch (slot.state) {
    case ChartState::updated:
    case ChartState::repaired:
      rooms_.log.info(slot.state == ChartState::updated ? "ChartUpdated" : "ChartRepaired",
                      slot.message,
                      {{"chart", slot.name},
                       {"version", slot.version},
                       {"digest", slot.digest->str()},
                       {"bytes", static_cast<std::int64_t>(slot.bytes)}});
      break;
    case ChartState::failed:
      rooms_.log.error("ChartFailed", slot.message,
                       {{"chart", slot.name},
                        {"ref", slot.reference},
                        {"stage", slot.stage},
                        {"reason", std::string(to_string(*slot.reason))},
                        {"hint", slot.hint}});
      if (slot.required && !slot.in_place && pass.options.fail_fast)
        pass.abandon.request_stop();
      break;
    case ChartState::unchanged:
    case ChartState::removed:
    case ChartState::suspended:
    case ChartState::skipped:
      break;
  }
}

// Absent: the deadline comes first.
std::optional<SteadyTime> Reconciler::next_try(const Pass& pass, const Outcome& outcome,
                                               unsigned failures) {
  const RetrySpec& retry = rooms_.spec.retry;
  SteadyTime when = rooms_.clock.steady() + chart_backoff(failures, retry.min, retry.max, random_);
  if (outcome.not_before)
    when = std::max(when, *outcome.not_before);
  return when < pass.options.deadline ? std::optional(when) : std::nullopt;
}

// A chart that could not be checked is in place if it was confirmed recently enough.
void Reconciler::excuse_if_recent(const Pass& pass, Outcome& outcome, const ChartSpec& chart) {
  const auto publication = find_publication(chart);
  if (!publication)
    return;
  outcome.version = publication->chart_version;
  outcome.digest = publication->manifest;
  if (rooms_.spec.accept_stale.count() == 0 || facts(*outcome.reason).fault != Fault::retry)
    return;
  const auto confirmed = pass.confirmed.find(chart.name);
  if (confirmed == pass.confirmed.end())
    return;
  const bool recent = rooms_.clock.wall() - confirmed->second < rooms_.spec.accept_stale;
  const bool intact =
      rooms_.publisher->examine(chart.export_path, publication) == PublishedState::current;
  if (recent && intact) {
    outcome.in_place = true;
    outcome.hint = fmt::format("confirmed at {}, accepted for {}", rfc3339(confirmed->second),
                               format_duration(rooms_.spec.accept_stale));
  }
}

void Reconciler::withdraw(Pass& pass) {
  if (!rooms_.publisher || !pass.options.only.empty() || pass.abandon.stop_requested())
    return;
  for (const Publication& gone : withdrawals(rooms_.spec, rooms_.publisher->published())) {
    Outcome outcome;
    outcome.name = gone.chart;
    outcome.reference = gone.reference;
    outcome.version = gone.chart_version;
    outcome.previous = gone.manifest;
    outcome.required = false;
    outcome.export_path = absolute_export_path(rooms_.spec, gone.path);
    try {
      rooms_.publisher->withdraw(gone);
      outcome.state = ChartState::removed;
      outcome.in_place = true;
      outcome.message = "no longer in the spec";
      rooms_.log.info("ChartRemoved", outcome.message,
                      {{"chart", gone.chart}, {"path", gone.path}});
    } catch (const Error& error) {
      outcome.state = ChartState::failed;
      outcome.reason = error.reason();
      outcome.stage = "publish";
      outcome.message = printable(error.what(), 2048);
      rooms_.log.error("WithdrawFailed", outcome.message, {{"chart", gone.chart}});
    }
    pass.result.charts.push_back(std::move(outcome));
  }
}

// Content becomes unnamed when a revision is replaced or withdrawn, and only then is there anything
// new to sweep.
void Reconciler::sweep_if_superseded(const PassResult& result, WallTime now) {
  if (std::none_of(result.charts.begin(), result.charts.end(),
                   [](const Outcome& chart) { return chart.previous.has_value(); }))
    return;
  SweepPolicy policy;
  policy.min_age = rooms_.spec.cache.min_age;
  policy.max_size = rooms_.spec.cache.max_size;
  for (const std::string& owner : sweep(rooms_.cache.volume(), policy, now).expired_roots)
    rooms_.log.warning("RootsExpired", "not renewed for 7 days; its content is no longer kept",
                       {{"owner", owner}});
}

// What this spec keeps alive in the cache: what it publishes, keeps and locks; where it publishes
// nothing, what it pulled.
Roots Reconciler::roots_of(const PassResult& result, WallTime now) {
  Roots roots;
  if (rooms_.publisher) {
    const RetentionReport retained = retain(*rooms_.publisher, rooms_.spec.exports, now);
    roots.blobs.insert(retained.kept.begin(), retained.kept.end());
    for (const Publication& publication : rooms_.publisher->published()) {
      roots.blobs.insert(publication.manifest);
      roots.blobs.insert(publication.resolved());
      roots.references.insert(publication.reference);
    }
  } else {
    for (const Outcome& chart : result.charts)
      roots.references.insert(chart.reference);
  }
  if (rooms_.terms.lock)
    for (const ChartSpec& chart : rooms_.spec.charts)
      if (const LockedChart* locked = rooms_.terms.lock->find(chart.name)) {
        roots.blobs.insert(locked->manifest);
        roots.references.insert(locked_reference(chart, *locked).str());
      }
  return roots;
}

// What keeps the volumes tidy never fails a pass: it is tried again with the next one.
void Reconciler::keep_house(Pass& pass) {
  const Volume& volume = rooms_.cache.volume();
  try {
    const WallTime now = rooms_.clock.wall();
    write_roots(volume, rooms_.spec.name, roots_of(pass.result, now), now);
    if (rooms_.publisher)
      write_status(*rooms_.publisher->control(), rooms_.spec.name, pass.result, pass.confirmed,
                   now);
    sweep_if_superseded(pass.result, now);
    if (std::any_of(pass.result.charts.begin(), pass.result.charts.end(), [](const Outcome& chart) {
          return chart.state == ChartState::updated || chart.state == ChartState::repaired ||
                 chart.state == ChartState::removed;
        }))
      rebuild_layout_index(volume, rooms_.references);
  } catch (const Error& error) {
    rooms_.log.warning("HousekeepingFailed",
                       "volumes could not be tidied; the next pass tries again",
                       {{"error", std::string(error.what())}});
  }
}

}  // namespace ocisync
