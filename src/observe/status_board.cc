#include "observe/status_board.h"

#include <algorithm>

#include "observe/health.h"

namespace ocisync {
namespace {

void flip(Condition& condition, ConditionStatus status, WallTime now) {
  if (condition.status != status)
    condition = {status, now};
}

ConditionStatus status_of(bool holds) { return holds ? ConditionStatus::yes : ConditionStatus::no; }

void count(SyncCounts& counts, const SyncReport& report) {
  ++counts.results[static_cast<std::size_t>(report.result)];
  if (report.result != SyncResult::failed || !report.reason)
    return;
  const auto known = std::find_if(counts.failures.begin(), counts.failures.end(),
                                  [&](const auto& each) { return each.first == *report.reason; });
  if (known == counts.failures.end())
    counts.failures.emplace_back(*report.reason, 1);
  else
    ++known->second;
}

void settle(ChartStatus& chart, SyncReport&& report, WallTime now) {
  const bool failed = report.result == SyncResult::failed;
  const bool stalled =
      failed && report.reason && facts(*report.reason).fault == Fault::wait_for_person;
  count(chart.counts, report);
  chart.under_way = false;
  chart.version = std::move(report.version);
  chart.digest = report.digest;
  chart.result = report.result;
  chart.reason = report.reason;
  chart.message = std::move(report.message);
  chart.in_place = report.in_place;
  chart.next_attempt.reset();
  chart.failures = failed ? chart.failures + 1 : 0;
  if (!failed)
    chart.last_success = now;
  flip(chart.ready, status_of(chart.in_place), now);
  flip(chart.stalled, status_of(stalled), now);
  flip(chart.reconciling, status_of(failed && !stalled), now);
  if (report.verified)
    flip(chart.verified, status_of(*report.verified), now);
  else if (!failed)
    flip(chart.verified, ConditionStatus::unknown, now);
}

// What was found out about another reference or range says nothing about this one.
void forget_findings(ChartStatus& chart, WallTime now) {
  chart.result.reset();
  chart.reason.reset();
  chart.message.clear();
  chart.in_place = false;
  chart.last_success.reset();
  chart.next_attempt.reset();
  chart.failures = 0;
  for (Condition* each : {&chart.ready, &chart.stalled, &chart.verified})
    flip(*each, ConditionStatus::unknown, now);
}

bool waits_for_retry(const ChartStatus& chart) {
  return chart.result == SyncResult::failed && chart.reason &&
         chart.stalled.status != ConditionStatus::yes;
}

// What a file says about our past, as far as it can be believed. Whether the export still stands is
// for export_found to say.
ChartStatus recalled(ChartStatus&& chart, WallTime now) {
  chart.version.clear();
  chart.digest.reset();
  chart.next_attempt.reset();
  if (chart.last_success > now)
    chart.last_success.reset();
  chart.reconciling.status = status_of(waits_for_retry(chart));
  for (Condition* each : {&chart.ready, &chart.reconciling, &chart.stalled, &chart.verified})
    if (each->since == WallTime{} || each->since > now)
      *each = {ConditionStatus::unknown, now};
  return std::move(chart);
}

bool same_wish(const BoardChart& a, const BoardChart& b) {
  return a.ref == b.ref && a.range == b.range;
}

}  // namespace

std::string_view to_string(SyncResult result) {
  switch (result) {
    case SyncResult::updated:
      return "updated";
    case SyncResult::unchanged:
      return "unchanged";
    case SyncResult::repaired:
      return "repaired";
    case SyncResult::failed:
      return "failed";
  }
  return "failed";
}

std::string_view to_string(ConditionStatus status) {
  switch (status) {
    case ConditionStatus::unknown:
      return "Unknown";
    case ConditionStatus::no:
      return "False";
    case ConditionStatus::yes:
      return "True";
  }
  return "Unknown";
}

StatusBoard::StatusBoard(const Clock& clock, std::string owner, StatusMemory memory)
    : clock_(clock) {
  state_.with([&](State& state) {
    state.now.owner = std::move(owner);
    state.now.changed = clock_.wall();
    state.now.heartbeat = state.now.changed;
    state.heartbeat = clock_.steady();
    state.memory = std::move(memory);
  });
}

ChartStatus StatusBoard::introduce(State& state, BoardChart wanted, WallTime now) const {
  ChartStatus chart;
  chart.ready.since = chart.reconciling.since = chart.stalled.since = chart.verified.since = now;
  if (const auto known = state.index.find(wanted.name); known != state.index.end()) {
    chart = *state.now.charts[known->second];
  } else if (const auto remembered = state.memory.find(wanted.name);
             remembered != state.memory.end()) {
    chart = recalled(std::move(remembered->second), now);
  }
  if (!same_wish(chart.wanted, wanted))
    forget_findings(chart, now);
  if (wanted.suspended)
    chart.next_attempt.reset();
  chart.wanted = std::move(wanted);
  return chart;
}

void StatusBoard::set_charts(std::vector<BoardChart> charts, std::string spec_hash) {
  const WallTime now = clock_.wall();
  state_.with([&](State& state) {
    std::vector<std::shared_ptr<const ChartStatus>> slots;
    std::unordered_map<std::string, std::size_t> index;
    slots.reserve(charts.size());
    for (BoardChart& chart : charts) {
      index.emplace(chart.name, slots.size());
      slots.push_back(std::make_shared<const ChartStatus>(introduce(state, std::move(chart), now)));
    }
    if (state.now.spec_hash.empty())
      state.now.reload.last_success = now;
    state.now.charts = std::move(slots);
    state.now.spec_hash = std::move(spec_hash);
    state.index = std::move(index);
    state.memory.clear();
    state.missing = static_cast<std::size_t>(
        std::count_if(state.now.charts.begin(), state.now.charts.end(),
                      [](const auto& chart) { return is_missing(*chart); }));
    touch(state);
  });
}

void StatusBoard::touch(State& state) const {
  ++state.now.revision;
  state.now.changed = clock_.wall();
  state.now.started = state.now.started || (state.missing == 0 && !state.now.spec_hash.empty());
}

void StatusBoard::reload_accepted() {
  const WallTime now = clock_.wall();
  state_.with([&](State& state) {
    ++state.now.reload.accepted;
    state.now.reload.successful = true;
    state.now.reload.message.clear();
    state.now.reload.last_success = now;
    touch(state);
  });
}

void StatusBoard::reload_refused(std::string message) {
  state_.with([&](State& state) {
    ++state.now.reload.refused;
    state.now.reload.successful = false;
    state.now.reload.message = std::move(message);
    touch(state);
  });
}

template <typename Act>
void StatusBoard::change(std::string_view name, Act&& act) {
  const WallTime now = clock_.wall();
  state_.with([&](State& state) {
    const auto found = state.index.find(std::string(name));
    if (found == state.index.end())
      return;
    std::shared_ptr<const ChartStatus>& slot = state.now.charts[found->second];
    auto changed = std::make_shared<ChartStatus>(*slot);
    act(state, *changed, now);
    state.missing += static_cast<std::size_t>(is_missing(*changed));
    state.missing -= static_cast<std::size_t>(is_missing(*slot));
    slot = std::move(changed);
    touch(state);
  });
}

void StatusBoard::export_found(std::string_view name, std::string version, const Digest& digest) {
  change(name, [&](State&, ChartStatus& chart, WallTime) {
    chart.version = std::move(version);
    chart.digest = digest;
  });
}

void StatusBoard::attempt_began(std::string_view name) {
  change(name, [](State&, ChartStatus& chart, WallTime now) {
    chart.under_way = true;
    chart.last_attempt = now;
    chart.next_attempt.reset();
    flip(chart.reconciling, ConditionStatus::yes, now);
  });
}

void StatusBoard::attempt_ended(std::string_view name, SyncReport report) {
  change(name, [&](State& state, ChartStatus& chart, WallTime now) {
    if (report.result == SyncResult::failed && report.reason == Reason::cancelled) {
      chart.under_way = false;
      flip(chart.reconciling, status_of(waits_for_retry(chart)), now);
      return;
    }
    if (!chart.under_way)
      chart.last_attempt = now;
    count(state.now.totals, report);
    settle(chart, std::move(report), now);
  });
}

void StatusBoard::attempt_planned(std::string_view name, WallTime next) {
  change(name, [&](State&, ChartStatus& chart, WallTime) { chart.next_attempt = next; });
}

void StatusBoard::beat() {
  state_.with([&](State& state) {
    state.now.heartbeat = clock_.wall();
    state.heartbeat = clock_.steady();
  });
}

void StatusBoard::stop() {
  state_.with([&](State& state) {
    state.now.stopping = true;
    touch(state);
  });
}

BoardSnapshot StatusBoard::snapshot() const {
  return state_.with([&](const State& state) {
    BoardSnapshot copy = state.now;
    copy.heartbeat_age = std::chrono::duration_cast<Duration>(clock_.steady() - state.heartbeat);
    return copy;
  });
}

std::uint64_t StatusBoard::revision() const {
  return state_.with([](const State& state) { return state.now.revision; });
}

}  // namespace ocisync
