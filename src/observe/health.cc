#include "observe/health.h"

#include <fmt/format.h>

namespace ocisync {
namespace {

constexpr Duration kHeartbeatLimit = std::chrono::seconds(30);

void add(Verdict& verdict, bool good, std::string text) {
  verdict.good = verdict.good && good;
  verdict.lines.push_back({good, std::move(text)});
}

std::string standing(const ChartStatus& chart) {
  if (!chart.digest)
    return chart.reason ? fmt::format("no export yet: {}", to_string(*chart.reason))
                        : std::string("no export yet");
  return fmt::format("{} {}", chart.version, chart.digest->str());
}

std::string in_seconds(std::chrono::system_clock::duration age) {
  return fmt::format("{} s", std::chrono::duration_cast<std::chrono::seconds>(age).count());
}

// Whether the chart's last success is recent enough. One that was never published does not age; one
// that stands but was not confirmed by this name and reference ages from when that was noticed.
Verdict::Line freshness(const ChartStatus& chart, WallTime now, Duration most) {
  const bool published = chart.digest || chart.last_success;
  const bool ages =
      most.count() > 0 && chart.wanted.required && !chart.wanted.suspended && published;
  const auto age = now - chart.last_success.value_or(chart.ready.since);
  if (!ages || age <= most)
    return {true, fmt::format("{}: {}", chart.wanted.name, standing(chart))};
  return {false,
          fmt::format("{}: stale: {} {} ago, maxStaleness is {}", chart.wanted.name,
                      chart.last_success ? "last success" : "not confirmed since a change or start",
                      in_seconds(age), in_seconds(most))};
}

}  // namespace

bool is_missing(const ChartStatus& chart) {
  return chart.wanted.required && !chart.wanted.suspended && !chart.digest;
}

Verdict startup(const BoardSnapshot& board) {
  Verdict verdict;
  if (board.spec_hash.empty())
    add(verdict, false, "no spec was read yet");
  for (const auto& chart : board.charts)
    add(verdict, board.started || !is_missing(*chart),
        fmt::format("{}: {}", chart->wanted.name, standing(*chart)));
  return verdict;
}

Verdict readiness(const BoardSnapshot& board, WallTime now, Duration max_staleness) {
  Verdict verdict;
  if (board.stopping)
    add(verdict, false, "stopping");
  if (!board.started) {
    const Verdict start = startup(board);
    for (const Verdict::Line& line : start.lines)
      add(verdict, line.good, line.text);
    return verdict;
  }
  for (const auto& chart : board.charts) {
    Verdict::Line line = freshness(*chart, now, max_staleness);
    add(verdict, line.good, std::move(line.text));
  }
  return verdict;
}

Verdict liveness(const BoardSnapshot& board) {
  Verdict verdict;
  const bool good = board.heartbeat_age < kHeartbeatLimit;
  add(verdict, good,
      fmt::format("reconciler: last heartbeat {} ms ago", board.heartbeat_age.count()));
  return verdict;
}

}  // namespace ocisync
