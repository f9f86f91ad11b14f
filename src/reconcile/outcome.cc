#include "reconcile/outcome.h"

#include "base/text.h"

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

void record_failure(Outcome& outcome, const Error& error) {
  outcome.state = ChartState::failed;
  outcome.reason = error.reason();
  outcome.message = printable(error.what(), 2048);
  outcome.hint = printable(error.hint(), 512);
  outcome.stage = error.stage();
  outcome.http_status = error.http_status();
  outcome.not_before = error.not_before();
}

int graver_exit_code(int code, Reason reason) {
  const int own = facts(reason).exit_code;
  return code == 0 || own < code ? own : code;
}

int exit_code(const PassResult& result) {
  int code = result.hooks_owed.empty() ? 0 : 1;  // another run calls them again
  bool held = false;
  for (const Outcome& chart : result.charts) {
    if (chart.state != ChartState::failed || !chart.required || chart.in_place || !chart.reason)
      continue;
    if (chart.reason == Reason::generation_held)
      held = true;  // what it waits for says what helps
    else
      code = graver_exit_code(code, *chart.reason);
  }
  return held && code == 0 ? facts(Reason::generation_held).exit_code : code;
}

}  // namespace ocisync
