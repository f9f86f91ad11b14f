#include "reconcile/narrator.h"

#include <bit>
#include <chrono>

namespace ocisync {
namespace {

SyncReport report_of(const Outcome& outcome) {
  SyncReport report;
  report.result = sync_result(outcome.state);
  report.version = outcome.version;
  report.digest = outcome.intact ? outcome.digest : std::nullopt;
  report.in_place = outcome.in_place;
  report.reason = outcome.state == ChartState::skipped ? Reason::cancelled : outcome.reason;
  report.message = outcome.message;
  return report;
}

}  // namespace

SyncResult sync_result(ChartState state) {
  switch (state) {
    case ChartState::updated:
      return SyncResult::updated;
    case ChartState::unchanged:
      return SyncResult::unchanged;
    case ChartState::repaired:
      return SyncResult::repaired;
    case ChartState::removed:
    case ChartState::failed:
    case ChartState::suspended:
    case ChartState::skipped:
      break;
  }
  return SyncResult::failed;
}

void Narrator::ended(const Outcome& outcome, const Next& next) {
  board_.attempt_ended(outcome.name, report_of(outcome));
  if (next.when)
    board_.attempt_planned(outcome.name,
                           clock_.wall() + std::chrono::duration_cast<WallTime::duration>(
                                               *next.when - clock_.steady()));
  switch (outcome.state) {
    case ChartState::updated:
    case ChartState::repaired:
      log_.info(outcome.state == ChartState::updated ? "ChartUpdated" : "ChartRepaired",
                outcome.message,
                {{"chart", outcome.name},
                 {"version", outcome.version},
                 {"digest", outcome.digest ? outcome.digest->str() : std::string()},
                 {"bytes", static_cast<std::int64_t>(outcome.bytes)}});
      break;
    case ChartState::unchanged:
      if (troubles_.contains(outcome.name))
        log_.info("ChartRecovered", "checked again, nothing had changed",
                  {{"chart", outcome.name}, {"version", outcome.version}});
      break;
    case ChartState::failed:
      tell_failure(outcome, next);
      return;
    case ChartState::removed:
    case ChartState::suspended:
    case ChartState::skipped:
      return;
  }
  troubles_.erase(outcome.name);
}

void Narrator::tell_failure(const Outcome& outcome, const Next& next) {
  const Reason reason = *outcome.reason;
  if (reason == Reason::cancelled)
    return;
  const auto known = troubles_.find(outcome.name);
  // A registry that asks for patience again says nothing new.
  const bool again = std::has_single_bit(next.failures) && !outcome.not_before;
  const bool news = known == troubles_.end() || known->second != reason || again || !next.when;
  troubles_.insert_or_assign(outcome.name, reason);
  if (!news)
    return;
  const auto ahead =
      next.when ? std::chrono::duration<double>(*next.when - clock_.steady()).count() : 0.0;
  std::string stands = outcome.digest ? outcome.version : "nothing";
  if (outcome.digest && next.last_success)
    stands += " (stale, confirmed at " + rfc3339(*next.last_success) + ")";
  const auto write = [&](auto how, std::string_view event) {
    (log_.*how)(event, outcome.message,
                {{"chart", outcome.name},
                 {"ref", outcome.reference},
                 {"stage", outcome.stage},
                 {"reason", std::string(to_string(reason))},
                 {"hint", outcome.hint},
                 {"exported", stands},
                 {"attempt", std::int64_t{next.failures}},
                 {"retryInSeconds", ahead}});
  };
  if (next.when && facts(reason).fault == Fault::retry)
    write(&Log::warning, "ChartRetry");
  else
    write(&Log::error, "ChartFailed");
}

}  // namespace ocisync
