#include "reconcile/housekeeping.h"

#include <algorithm>

#include "base/text.h"
#include "export/retention.h"
#include "reconcile/failure.h"
#include "store/layout_index.h"
#include "store/roots.h"

namespace ocisync {
namespace {

Outcome withdraw(const Rooms& rooms, const Publication& gone) {
  Outcome outcome;
  outcome.name = gone.chart;
  outcome.reference = gone.reference;
  outcome.version = gone.chart_version;
  outcome.previous = gone.manifest;
  outcome.required = false;
  outcome.export_path = absolute_export_path(rooms.spec, gone.path);
  const auto failure = failure_of([&] {
    const HookChange change = change_of(rooms.spec, Action::remove, gone, gone.manifest.str());
    if (rooms.hooks)
      rooms.hooks->write_down(change);
    rooms.publisher->withdraw(gone);
    if (rooms.hooks)
      rooms.hooks->published(change);
    outcome.state = ChartState::removed;
    outcome.in_place = true;
    outcome.message = why_withdrawn(rooms.spec, gone);
    rooms.log.info("ChartRemoved", outcome.message, {{"chart", gone.chart}, {"path", gone.path}});
  });
  if (failure) {
    record_failure(outcome, *failure);
    outcome.stage = "publish";
    rooms.log.error("WithdrawFailed", outcome.message, {{"chart", gone.chart}});
  }
  return outcome;
}

std::vector<Outcome> withdraw_all(const Rooms& rooms) {
  std::vector<Outcome> withdrawn;
  for (const Publication& gone : withdrawals(rooms.spec, rooms.publisher->published()))
    if (may_go(gone, rooms.spec,
               [&](const std::string& path) { return rooms.publisher->shown(path).has_value(); }))
      withdrawn.push_back(withdraw(rooms, gone));
  return withdrawn;
}

// What this spec keeps alive in the cache: what it publishes, keeps and locks; where it publishes
// nothing, what it pulled.
Roots roots_of(const Rooms& rooms, const HouseWork& work, WallTime now) {
  Roots roots;
  roots.references.insert(work.pulled.begin(), work.pulled.end());
  if (rooms.publisher) {
    const RetentionReport retained = retain(*rooms.publisher, rooms.spec.exports, now);
    if (retained.failures > 0)
      rooms.log.warning("RetentionIncomplete",
                        "something superseded could not be removed; the next pass tries again",
                        {{"failures", static_cast<std::int64_t>(retained.failures)},
                         {"error", retained.first_failure}});
    roots.blobs.insert(retained.kept.begin(), retained.kept.end());
    for (const Publication& publication : rooms.publisher->published()) {
      roots.blobs.insert(publication.manifest);
      roots.blobs.insert(publication.resolved());
      roots.references.insert(publication.reference);
    }
  }
  if (rooms.terms.lock)
    for (const ChartSpec& chart : rooms.spec.charts)
      if (const LockedChart* locked = rooms.terms.lock->find(chart.name)) {
        roots.blobs.insert(locked->manifest);
        roots.references.insert(locked_reference(chart, *locked).str());
      }
  return roots;
}

// A range that could not be resolved is pulled without a tag: it keeps those that it chose before.
void keep_earlier_choices(const Rooms& rooms, Roots& roots) {
  const auto before = find_roots(rooms.cache.volume(), rooms.spec.name);
  if (!before)
    return;
  for (const std::string& reference : before->references)
    if (roots.references.contains(reference.substr(0, reference.rfind(':'))))
      roots.references.insert(reference);
}

void sweep_cache(const Rooms& rooms, WallTime now, HouseReport& report) {
  SweepPolicy policy;
  policy.min_age = rooms.spec.cache.min_age;
  policy.max_size = rooms.spec.cache.max_size;
  const SweepReport swept = sweep(rooms.cache.volume(), policy, now);
  tell_of_roots(swept, rooms.log);
  report.swept = true;
  report.evicted = swept.removed_blobs;
  report.kept_bytes = swept.kept_bytes;
  report.kept_blobs = swept.kept_blobs;
}

void tidy(const Rooms& rooms, const HouseWork& work, HouseReport& report) {
  if (rooms.publisher && work.prune && rooms.spec.exports.prune && !rooms.spec.suspend)
    report.withdrawn = withdraw_all(rooms);
  const bool removed = std::any_of(report.withdrawn.begin(), report.withdrawn.end(),
                                   [](const Outcome& chart) { return chart.in_place; });
  const WallTime now = rooms.clock.wall();
  Roots roots = roots_of(rooms, work, now);
  if (rooms.cache.volume().read_only())
    return;
  if (!rooms.publisher)
    keep_earlier_choices(rooms, roots);
  write_roots(rooms.cache.volume(), rooms.spec.name, roots, now);
  // Content becomes unnamed when a revision is replaced or withdrawn; otherwise it only ages.
  if (work.superseded || work.sweep_anyway || !report.withdrawn.empty())
    sweep_cache(rooms, now, report);
  if (work.published || removed)
    rebuild_layout_index(rooms.cache.volume(), rooms.references);
}

}  // namespace

void tell_of_roots(const SweepReport& swept, Log& log) {
  for (const std::string& owner : swept.expired_roots)
    log.warning("RootsExpired", "not renewed for 7 days; its content is no longer kept",
                {{"owner", owner}});
  for (const std::string& owner : swept.unreadable_roots)
    log.warning("RootsUnreadable",
                "they may name anything, so nothing is removed until its next pass writes them "
                "anew, or 7 days have passed",
                {{"owner", owner}});
}

HouseReport keep_house(const Rooms& rooms, const HouseWork& work) {
  HouseReport report;
  if (const auto failure = failure_of([&] { tidy(rooms, work, report); })) {
    report.failed = true;
    rooms.log.warning("HousekeepingFailed",
                      "volumes could not be tidied; the next pass tries again",
                      {{"error", std::string(failure->what())}});
  }
  return report;
}

}  // namespace ocisync
