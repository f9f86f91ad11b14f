#include "reconcile/outcome.h"

namespace ocisync {

std::string_view to_string(ChartState state) {
  switch (state) {
    case ChartState::updated:
      return "updated";
    case ChartState::unchanged:
      return "unchanged";
    case ChartState::repaired:
      return "repaired";
    case ChartState::removed:
      return "removed";
    case ChartState::failed:
      return "failed";
    case ChartState::suspended:
      return "suspended";
    case ChartState::skipped:
      return "skipped";
  }
  return "failed";
}

int exit_code(const PassResult& result) {
  int code = 0;
  for (const Outcome& chart : result.charts) {
    if (chart.state != ChartState::failed || !chart.required || chart.in_place || !chart.reason)
      continue;
    const int own = facts(*chart.reason).exit_code;
    code = code == 0 || own < code ? own : code;
  }
  return code;
}

}  // namespace ocisync
