#include "reconcile/generation_switch.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/text.h"
#include "reconcile/failure.h"
#include "reconcile/plan.h"

namespace ocisync {
namespace {

bool holds_path(const std::vector<Publication>& publications, const std::string& path) {
  return std::any_of(publications.begin(), publications.end(),
                     [&](const Publication& each) { return each.path == path; });
}

// What the next generation holds: all that was accepted, but for what left the spec.
std::vector<Publication> wanted(const Rooms& rooms, bool prune) {
  std::vector<Publication> accepted = rooms.publisher->published();
  const auto gone = prune ? withdrawals(rooms.spec, accepted) : std::vector<Publication>();
  std::erase_if(accepted, [&](const Publication& each) {
    return each.layout != Layout::snapshot || holds_path(gone, each.path);
  });
  return accepted;
}

std::string listed(const std::vector<std::string>& names) {
  constexpr std::size_t kMost = 5;
  std::string text;
  for (std::size_t i = 0; i < std::min(names.size(), kMost); ++i)
    text += fmt::format("{}{}", i == 0 ? "" : ", ", names[i]);
  if (names.size() > kMost)
    text += fmt::format(" and {} more", names.size() - kMost);
  return text;
}

void require_unheld(const Rooms& rooms, const SwitchWork& work, const Generation* shown,
                    const std::vector<Publication>& charts) {
  std::vector<std::string> missing;
  for (const ChartSpec& chart : rooms.spec.charts)
    if (chart.required && !chart.suspend && !holds_path(charts, export_path(rooms.spec, chart)))
      missing.push_back(chart.name);
  if (const auto why = why_held(rooms.spec, shown, missing, work.failing))
    throw Error(Reason::generation_held, *why);
}

// What hooks are told of a switch.
std::vector<HookChange> changes(const Spec& spec, const Generation* before,
                                const std::vector<Publication>& charts) {
  std::vector<HookChange> result;
  for (const Publication& publication : charts) {
    const Publication* old = before ? before->find(publication.path) : nullptr;
    if (!old || old->manifest != publication.manifest)
      result.push_back(change_of(spec, old ? Action::update : Action::create, publication,
                                 old ? old->manifest.str() : std::string()));
  }
  return result;
}

// Ends a rollback that counts no more.
std::optional<Pin> heed_pin(const Rooms& rooms) {
  Publisher& publisher = *rooms.publisher;
  const auto written = publisher.snapshot().pin();
  auto pin = standing_pin(rooms.spec, publisher);
  if (!written || pin)
    return pin;
  publisher.remove_pin();
  rooms.log.warning(
      "RollbackEnded",
      written->spec_hash != rooms.spec.hash ? "the spec changed" : "the generation is lost",
      {{"generation", static_cast<std::int64_t>(written->generation)}});
  return std::nullopt;
}

void switch_over(const Rooms& rooms, const SwitchWork& work, SwitchReport& report) {
  Publisher& publisher = *rooms.publisher;
  if (const auto pin = heed_pin(rooms)) {
    report.pinned = pin->generation;
    if (!report.now || report.now->number != pin->generation)
      publisher.roll_back(*pin);  // somebody else moved it
    report.now = publisher.snapshot().shown();
    return;
  }
  std::vector<Publication> charts = wanted(rooms, work.prune);
  const bool repair = report.now && report.now->holds(charts);
  if (repair && publisher.snapshot().stands(*report.now))
    return;
  if (!repair)
    require_unheld(rooms, work, report.now.get(), charts);
  const auto told =
      rooms.hooks ? changes(rooms.spec, report.now.get(), charts) : std::vector<HookChange>();
  try {
    rooms.cache.with_room(*publisher.control(), [&] {
      for (const HookChange& change : told)
        rooms.hooks->write_down(change);
      report.now = publisher.show_generation(charts, rooms.clock.wall());
    });
  } catch (const Error& error) {
    if (error.reason() != Reason::rolled_back)
      throw;
    return switch_over(rooms, work, report);  // somebody rolled back meanwhile: as that pin says
  }
  for (const HookChange& change : told)
    rooms.hooks->published(change);
  rooms.log.info("GenerationShown", "current leads to another generation",
                 {{"generation", static_cast<std::int64_t>(report.now->number)},
                  {"charts", static_cast<std::int64_t>(report.now->charts.size())}});
}

}  // namespace

std::optional<Pin> standing_pin(const Spec& spec, const Publisher& publisher) {
  const Snapshot& snapshot = publisher.snapshot();
  auto pin = snapshot.pin();
  if (pin && (pin->spec_hash != spec.hash || !snapshot.find(pin->generation)))
    pin.reset();
  return pin;
}

std::optional<std::string> why_held(const Spec& spec, const Generation* shown,
                                    const std::vector<std::string>& missing,
                                    const std::vector<std::string>& failing) {
  if (!shown && !missing.empty())
    return "the first generation needs every required chart and waits for " + listed(missing);
  if (shown && spec.exports.on_failure == OnFailure::keep_generation && !failing.empty())
    return fmt::format("generation {} stays (onFailure: keepGeneration) while this fails: {}",
                       shown->number, listed(failing));
  return std::nullopt;
}

SwitchReport switch_generation(const Rooms& rooms, const SwitchWork& work) {
  SwitchReport report;
  if (!rooms.publisher || rooms.spec.exports.layout != Layout::snapshot || rooms.spec.suspend)
    return report;
  report.error = failure_of([&] {
    report.now = report.before = rooms.publisher->snapshot().shown();
    switch_over(rooms, work, report);
  });
  return report;
}

void settle_after_switch(const SwitchReport& report, const std::string& path, Outcome& outcome) {
  const Publication* shown = report.now ? report.now->find(path) : nullptr;
  const Publication* before = report.before ? report.before->find(path) : nullptr;
  const std::string accepted = outcome.version;
  outcome.version = shown ? shown->chart_version : std::string();
  outcome.digest = shown ? std::optional(shown->manifest) : std::nullopt;
  outcome.intact = shown != nullptr;
  outcome.previous = shown && before && before->manifest != shown->manifest
                         ? std::optional(before->manifest)
                         : std::nullopt;
  if (report.error) {
    record_failure(outcome, *report.error);
    outcome.stage = "publish";
    outcome.in_place = false;
    return;
  }
  outcome.awaits_generation = false;
  outcome.in_place = shown != nullptr;
  outcome.reason.reset();
  outcome.hint.clear();
  outcome.stage.clear();
  if (!report.pinned) {
    const bool news = shown && (!before || before->manifest != shown->manifest);
    if (news && outcome.state == ChartState::unchanged)
      outcome.state = ChartState::updated;
    return;
  }
  outcome.state = ChartState::unchanged;
  outcome.reason = Reason::rolled_back;
  outcome.message =
      fmt::format("rolled back to generation {}; {} is ready and waits", *report.pinned, accepted);
}

}  // namespace ocisync
