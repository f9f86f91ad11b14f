#include "observe/health.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "board_rig.h"

namespace ocisync {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;
using testing::HasSubstr;

constexpr Duration kNever{0};

bool started(const BoardRig& rig) { return startup(rig.board.snapshot()).good; }

bool ready(const BoardRig& rig, Duration max_staleness = kNever) {
  return readiness(rig.board.snapshot(), rig.clock.wall(), max_staleness).good;
}

std::string reasons(const Verdict& verdict) {
  std::string text;
  for (const Verdict::Line& line : verdict.lines)
    text += (line.good ? "+" : "-") + line.text + "\n";
  return text;
}

TEST(Health, IsNotStartedBeforeASpecWasRead) {
  const BoardRig rig;
  EXPECT_FALSE(started(rig));
  EXPECT_FALSE(ready(rig));
}

TEST(Health, AnEmptySpecIsStartedAtOnce) {
  BoardRig rig;
  rig.board.set_charts({}, "hash");
  EXPECT_TRUE(started(rig));
  EXPECT_TRUE(ready(rig));
}

TEST(Health, StartsWithTheLastRequiredExport) {
  BoardRig rig({"web", "db"});
  rig.attempt("web", success());
  EXPECT_FALSE(started(rig));
  EXPECT_FALSE(ready(rig));
  EXPECT_THAT(reasons(startup(rig.board.snapshot())), HasSubstr("-db: no export yet"));
  rig.attempt("db", success());
  EXPECT_TRUE(started(rig));
  EXPECT_TRUE(ready(rig));
}

TEST(Health, AnExportOfAnEarlierProcessCounts) {
  BoardRig rig({"web"});
  rig.board.export_found("web", "1.0.0", digest_of("1.0.0"));
  EXPECT_TRUE(started(rig));
  EXPECT_TRUE(ready(rig));
}

TEST(Health, OptionalAndSuspendedChartsHoldNothingUp) {
  BoardRig rig;
  BoardChart optional = chart_named("optional");
  optional.required = false;
  BoardChart suspended = chart_named("suspended");
  suspended.suspended = true;
  rig.board.set_charts({optional, suspended, chart_named("web")}, "hash");
  rig.attempt("optional", failure(Reason::not_found));
  EXPECT_FALSE(started(rig));
  rig.attempt("web", success());
  EXPECT_TRUE(started(rig));
}

TEST(Health, AFailureAfterwardsUndoesNothing) {
  BoardRig rig({"web"});
  rig.attempt("web", success());
  rig.attempt("web", failure(Reason::not_found));  // and its export is gone
  EXPECT_TRUE(started(rig));
  EXPECT_TRUE(ready(rig));
}

TEST(Health, AChartThatAReloadAddsDoesNotTakeReadinessAway) {
  BoardRig rig({"web"});
  rig.attempt("web", success());
  rig.want({"web", "new"}, "hash-2");
  EXPECT_TRUE(started(rig));
  EXPECT_TRUE(ready(rig));
  rig.clock.advance(minutes(10));
  rig.attempt("web", success(SyncResult::unchanged));
  EXPECT_TRUE(ready(rig, minutes(5))) << "the new one does not age before it was published";
  rig.attempt("new", success());
  rig.clock.advance(minutes(4));
  rig.attempt("web", success(SyncResult::unchanged));
  EXPECT_TRUE(ready(rig, minutes(5)));
  rig.clock.advance(minutes(2));
  EXPECT_FALSE(ready(rig, minutes(5))) << "now it does";
}

TEST(Health, AReloadBeforeTheStartCountsItsCharts) {
  BoardRig rig({"web"});
  rig.want({"web", "new"}, "hash-2");
  rig.attempt("web", success());
  EXPECT_FALSE(started(rig));
  rig.want({"web"}, "hash-3");
  EXPECT_TRUE(started(rig));
}

TEST(Health, StalenessIsOfTheLastSuccess) {
  BoardRig rig({"web"});
  rig.attempt("web", success());
  rig.clock.advance(minutes(5));
  rig.attempt("web", failure_above("1.0.0"));
  EXPECT_TRUE(ready(rig, minutes(5)));
  rig.clock.advance(seconds(1));
  EXPECT_FALSE(ready(rig, minutes(5)));
  EXPECT_TRUE(ready(rig)) << "without a bound it does not age";
  EXPECT_TRUE(started(rig));
  EXPECT_THAT(reasons(readiness(rig.board.snapshot(), rig.clock.wall(), minutes(5))),
              HasSubstr("-web: stale: last success 301 s ago, maxStaleness is 300 s"));
  rig.attempt("web", success(SyncResult::unchanged));
  EXPECT_TRUE(ready(rig, minutes(5)));
}

TEST(Health, AnExportThatWasNeverConfirmedAgesFromTheStart) {
  BoardRig rig({"web"});
  rig.board.export_found("web", "1.0.0", digest_of("1.0.0"));
  EXPECT_TRUE(ready(rig, minutes(5)));
  rig.clock.advance(minutes(6));
  EXPECT_FALSE(ready(rig, minutes(5)));
}

TEST(Health, ANewReferenceAgesFromTheReload) {
  BoardRig rig({"web"});
  rig.attempt("web", success());
  rig.clock.advance(minutes(4));
  BoardChart other = chart_named("web");
  other.ref += "-other";
  rig.board.set_charts({other}, "hash-2");
  rig.clock.advance(minutes(4));
  EXPECT_TRUE(ready(rig, minutes(5)));
  rig.clock.advance(minutes(2));
  EXPECT_FALSE(ready(rig, minutes(5)));
}

TEST(Health, OptionalAndSuspendedChartsDoNotAge) {
  BoardRig rig;
  BoardChart optional = chart_named("optional");
  optional.required = false;
  BoardChart suspended = chart_named("suspended");
  suspended.suspended = true;
  rig.board.set_charts({optional, suspended}, "hash");
  rig.attempt("optional", success());
  rig.board.export_found("suspended", "1.0.0", digest_of("1.0.0"));
  rig.clock.advance(minutes(60));
  EXPECT_TRUE(ready(rig, minutes(5)));
}

TEST(Health, AStopTakesReadinessAwayAtOnceAndNothingElse) {
  BoardRig rig({"web"});
  rig.attempt("web", success());
  rig.board.stop();
  EXPECT_FALSE(ready(rig));
  EXPECT_TRUE(started(rig));
  EXPECT_TRUE(liveness(rig.board.snapshot()).good);
}

TEST(Health, LivesWhileTheHeartbeatIsYoung) {
  BoardRig rig({"web"});
  rig.clock.advance(Duration(29'999));
  EXPECT_TRUE(liveness(rig.board.snapshot()).good);
  rig.clock.advance(Duration(1));
  EXPECT_FALSE(liveness(rig.board.snapshot()).good);
  rig.board.beat();
  EXPECT_TRUE(liveness(rig.board.snapshot()).good);
}

TEST(Health, ARegistryAtFaultDoesNotEndTheLife) {
  BoardRig rig({"web"});
  rig.attempt("web", failure(Reason::unauthorized));
  EXPECT_TRUE(liveness(rig.board.snapshot()).good);
}

}  // namespace
}  // namespace ocisync
