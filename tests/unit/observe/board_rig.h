#pragma once

#include <string>
#include <utility>
#include <vector>

#include "observe/status_board.h"
#include "support/manual_clock.h"

namespace ocisync {

inline Digest digest_of(std::string_view text) { return Digest::of(text); }

inline BoardChart chart_named(std::string name) {
  return {.name = name,
          .ref = "oci://registry.example.com/charts/" + name + ":1.0.0",
          .interval = std::chrono::minutes(5),
          .export_path = "/charts/" + name};
}

inline SyncReport success(SyncResult result = SyncResult::updated, std::string version = "1.0.0") {
  return {.result = result,
          .version = version,
          .digest = digest_of(version),
          .in_place = true,
          .message = "the tag names it"};
}

inline SyncReport failure(Reason reason, std::string message = "no answer") {
  return {.result = SyncResult::failed, .reason = reason, .message = std::move(message)};
}

// A failure of a chart that has an export already.
inline SyncReport failure_above(std::string version, Reason reason = Reason::unavailable) {
  SyncReport report = failure(reason);
  report.version = version;
  report.digest = digest_of(version);
  return report;
}

// A board with a clock that stands still, for charts of these names.
struct BoardRig {
  explicit BoardRig(std::vector<std::string> names = {}, StatusMemory memory = {})
      : board(clock, "platform", std::move(memory)) {
    if (!names.empty())
      want(names);
  }

  void want(const std::vector<std::string>& names, std::string hash = "hash-1") {
    std::vector<BoardChart> charts;
    for (const std::string& name : names)
      charts.push_back(chart_named(name));
    board.set_charts(std::move(charts), std::move(hash));
  }

  // One whole attempt.
  void attempt(std::string_view name, SyncReport report) {
    board.attempt_began(name);
    board.attempt_ended(name, std::move(report));
  }

  ChartStatus chart(std::string_view name) const {
    for (const auto& each : board.snapshot().charts)
      if (each->wanted.name == name)
        return *each;
    throw std::runtime_error("no such chart on the board");
  }

  ManualClock clock;
  StatusBoard board;
};

}  // namespace ocisync
