#include "observe/status_board.h"

#include <thread>

#include <gtest/gtest.h>

#include "board_rig.h"

namespace ocisync {
namespace {

using std::chrono::minutes;

constexpr auto kYes = ConditionStatus::yes;
constexpr auto kNo = ConditionStatus::no;
constexpr auto kUnknown = ConditionStatus::unknown;

TEST(StatusBoard, KnowsNothingOfAChartBeforeItsFirstAttempt) {
  const BoardRig rig({"web"});
  const ChartStatus chart = rig.chart("web");
  EXPECT_EQ(chart.ready.status, kUnknown);
  EXPECT_EQ(chart.stalled.status, kUnknown);
  EXPECT_FALSE(chart.result);
  EXPECT_FALSE(chart.last_attempt);
  EXPECT_EQ(rig.board.snapshot().spec_hash, "hash-1");
}

TEST(StatusBoard, FollowsAnAttemptThatSucceeds) {
  BoardRig rig({"web"});
  const WallTime began = rig.clock.wall();
  rig.board.attempt_began("web");
  EXPECT_EQ(rig.chart("web").reconciling.status, kYes);
  rig.clock.advance(std::chrono::seconds(2));
  rig.board.attempt_ended("web", success());
  rig.board.attempt_planned("web", rig.clock.wall() + minutes(5));
  const ChartStatus chart = rig.chart("web");
  EXPECT_EQ(chart.ready.status, kYes);
  EXPECT_EQ(chart.reconciling.status, kNo);
  EXPECT_EQ(chart.stalled.status, kNo);
  EXPECT_EQ(chart.verified.status, kUnknown);
  EXPECT_EQ(chart.version, "1.0.0");
  EXPECT_EQ(chart.digest, digest_of("1.0.0"));
  EXPECT_EQ(chart.last_attempt, began);
  EXPECT_EQ(chart.last_success, rig.clock.wall());
  EXPECT_EQ(chart.next_attempt, rig.clock.wall() + minutes(5));
}

TEST(StatusBoard, CountsFailuresInARowAndSaysWhetherTimeHelps) {
  BoardRig rig({"web"});
  rig.attempt("web", failure(Reason::unavailable));
  rig.attempt("web", failure(Reason::unavailable));
  EXPECT_EQ(rig.chart("web").failures, 2U);
  EXPECT_EQ(rig.chart("web").ready.status, kNo);
  EXPECT_EQ(rig.chart("web").reconciling.status, kYes);
  EXPECT_EQ(rig.chart("web").stalled.status, kNo);
  rig.attempt("web", failure(Reason::not_found));
  EXPECT_EQ(rig.chart("web").reconciling.status, kNo);
  EXPECT_EQ(rig.chart("web").stalled.status, kYes);
  rig.attempt("web", success());
  EXPECT_EQ(rig.chart("web").failures, 0U);
  EXPECT_EQ(rig.chart("web").stalled.status, kNo);
  EXPECT_FALSE(rig.chart("web").reason);
}

TEST(StatusBoard, MovesATransitionTimeOnlyWithItsStatus) {
  BoardRig rig({"web"});
  rig.attempt("web", success());
  const WallTime first = rig.clock.wall();
  rig.clock.advance(minutes(5));
  rig.attempt("web", success(SyncResult::unchanged));
  EXPECT_EQ(rig.chart("web").ready.since, first);
  EXPECT_EQ(rig.chart("web").stalled.since, first);
  rig.clock.advance(minutes(5));
  rig.attempt("web", failure_above("1.0.0"));
  EXPECT_EQ(rig.chart("web").ready.since, rig.clock.wall());
  EXPECT_EQ(rig.chart("web").stalled.since, first);
}

TEST(StatusBoard, IsReadyThoughFailingWhileTheLastConfirmationIsAccepted) {
  BoardRig rig({"web"});
  SyncReport report = failure_above("1.0.0");
  report.in_place = true;
  rig.attempt("web", report);
  EXPECT_EQ(rig.chart("web").ready.status, kYes);
  EXPECT_EQ(rig.chart("web").failures, 1U);
}

TEST(StatusBoard, RemembersAVerdictUntilAnAttemptSaysOtherwise) {
  BoardRig rig({"web"});
  SyncReport good = success();
  good.verified = true;
  rig.attempt("web", good);
  EXPECT_EQ(rig.chart("web").verified.status, kYes);
  rig.attempt("web", failure_above("1.0.0"));
  EXPECT_EQ(rig.chart("web").verified.status, kYes);
  SyncReport bad = failure_above("1.0.0", Reason::verification_failed);
  bad.verified = false;
  rig.attempt("web", bad);
  EXPECT_EQ(rig.chart("web").verified.status, kNo);
  rig.attempt("web", success());  // the policy is gone
  EXPECT_EQ(rig.chart("web").verified.status, kUnknown);
}

TEST(StatusBoard, LeavesEverythingAsItWasWhenAnAttemptIsCancelled) {
  BoardRig rig({"web"});
  rig.attempt("web", success());
  rig.clock.advance(minutes(5));
  rig.attempt("web", failure(Reason::cancelled));
  const ChartStatus chart = rig.chart("web");
  EXPECT_EQ(chart.ready.status, kYes);
  EXPECT_EQ(chart.reconciling.status, kNo);
  EXPECT_EQ(chart.digest, digest_of("1.0.0"));
  EXPECT_EQ(chart.failures, 0U);
  EXPECT_EQ(chart.counts.results[3], 0U);
}

TEST(StatusBoard, KeepsWhatItKnowsOfChartsThatStay) {
  BoardRig rig({"web", "db"});
  rig.attempt("web", success());
  rig.attempt("db", success());
  rig.want({"db", "new"}, "hash-2");
  EXPECT_EQ(rig.chart("db").ready.status, kYes);
  EXPECT_EQ(rig.chart("new").ready.status, kUnknown);
  EXPECT_EQ(rig.board.snapshot().charts.size(), 2U);
  EXPECT_EQ(rig.board.snapshot().charts[0]->wanted.name, "db");
  rig.board.attempt_ended("web", success());  // left while it was worked on
  EXPECT_EQ(rig.board.snapshot().charts.size(), 2U);
}

TEST(StatusBoard, ConfirmsNothingForAnotherReferenceOrRange) {
  BoardRig rig({"web"});
  rig.attempt("web", success());
  BoardChart other = chart_named("web");
  other.range = "^2";
  rig.clock.advance(minutes(1));
  rig.board.set_charts({other}, "hash-2");
  const ChartStatus chart = rig.chart("web");
  EXPECT_EQ(chart.ready.status, kUnknown);
  EXPECT_EQ(chart.ready.since, rig.clock.wall());
  EXPECT_FALSE(chart.last_success);
  EXPECT_EQ(chart.digest, digest_of("1.0.0")) << "its export still stands";
}

TEST(StatusBoard, TellsReloadsApart) {
  BoardRig rig({"web"});
  EXPECT_TRUE(rig.board.snapshot().reload.successful);
  EXPECT_EQ(rig.board.snapshot().reload.accepted, 0U);
  rig.board.reload_refused("charts.yaml:3:5: no such key");
  EXPECT_FALSE(rig.board.snapshot().reload.successful);
  EXPECT_EQ(rig.board.snapshot().reload.message, "charts.yaml:3:5: no such key");
  EXPECT_EQ(rig.board.snapshot().spec_hash, "hash-1");
  rig.board.reload_accepted();
  EXPECT_TRUE(rig.board.snapshot().reload.successful);
  EXPECT_EQ(rig.board.snapshot().reload.message, "");
  EXPECT_EQ(rig.board.snapshot().reload.accepted, 1U);
  EXPECT_EQ(rig.board.snapshot().reload.refused, 1U);
}

TEST(StatusBoard, WhatWasRefusedLastIsNotClearedByWhatIsFollowedOnlyNow) {
  BoardRig rig({"web"});
  rig.board.reload_accepted();
  rig.board.reload_refused("charts.yaml:3:5: no such key");
  rig.want({"web"}, "hash-2");
  EXPECT_FALSE(rig.board.snapshot().reload.successful);
  EXPECT_EQ(rig.board.snapshot().spec_hash, "hash-2");
}

TEST(StatusBoard, ASnapshotDoesNotMove) {
  BoardRig rig({"web"});
  const BoardSnapshot before = rig.board.snapshot();
  rig.attempt("web", success());
  EXPECT_EQ(before.charts[0]->ready.status, kUnknown);
  EXPECT_NE(before.revision, rig.board.revision());
}

TEST(StatusBoard, AHeartbeatIsNoChange) {
  BoardRig rig({"web"});
  const std::uint64_t before = rig.board.revision();
  rig.clock.advance(std::chrono::seconds(7));
  EXPECT_EQ(rig.board.snapshot().heartbeat_age, std::chrono::seconds(7));
  rig.board.beat();
  EXPECT_EQ(rig.board.snapshot().heartbeat_age.count(), 0);
  EXPECT_EQ(rig.board.revision(), before);
}

TEST(StatusBoard, TotalsOutliveTheChartsThatMadeThem) {
  BoardRig rig({"web", "db"});
  rig.attempt("web", success());
  rig.attempt("web", failure(Reason::not_found));
  rig.want({"db"});
  EXPECT_EQ(rig.board.snapshot().totals.results[0], 1U);
  EXPECT_EQ(rig.board.snapshot().totals.results[3], 1U);
  ASSERT_EQ(rig.board.snapshot().totals.failures.size(), 1U);
  EXPECT_EQ(rig.board.snapshot().totals.failures[0].first, Reason::not_found);
}

TEST(StatusBoard, TakesWritersAndReadersAtOnce) {
  BoardRig rig({"a", "b", "c", "d"});
  std::vector<std::jthread> threads;
  for (const std::string name : {"a", "b", "c", "d"})
    threads.emplace_back([&rig, name] {
      for (int i = 0; i < 500; ++i) {
        rig.attempt(name, i % 2 == 0 ? success() : failure(Reason::timed_out));
        rig.board.beat();
      }
    });
  threads.emplace_back([&rig] {
    for (int i = 0; i < 500; ++i)
      EXPECT_EQ(rig.board.snapshot().charts.size(), 4U);
  });
  threads.clear();
  EXPECT_EQ(rig.board.snapshot().totals.results[0], 1000U);
  EXPECT_EQ(rig.board.snapshot().totals.results[3], 1000U);
}

}  // namespace
}  // namespace ocisync
