#include "reconcile/schedule.h"

#include <gtest/gtest.h>

#include "support/manual_clock.h"

namespace ocisync {
namespace {

using namespace std::chrono_literals;

class ScheduleTest : public testing::Test {
 protected:
  SteadyTime now() const { return clock_.steady(); }

  void add(const std::string& chart, std::optional<Duration> interval = 60s) {
    schedule_.add(chart, {interval, 10, 5s, 40s}, now());
  }

  // Seconds from now until `chart`, which must be the next, is due.
  double wait() const {
    return std::chrono::duration<double>(*schedule_.next_due() - now()).count();
  }

  std::optional<SteadyTime> round(const std::string& chart, Settled how,
                                  std::optional<SteadyTime> not_before = {}) {
    EXPECT_EQ(schedule_.take(now()), chart);
    return schedule_.settle(chart, how, now(), not_before);
  }

  ManualClock clock_;
  double chance_ = 0.5;
  Schedule schedule_{[this] { return chance_; }};
};

TEST_F(ScheduleTest, NewChartsAreDueAtOnceInTheOrderOfTheSpec) {
  add("web");
  add("db");
  EXPECT_EQ(schedule_.take(now()), "web");
  EXPECT_EQ(schedule_.take(now()), "db");
  EXPECT_EQ(schedule_.take(now()), std::nullopt);
  EXPECT_FALSE(schedule_.ended());
}

TEST_F(ScheduleTest, AChartKeepsItsPhaseWhateverJitterAndDelaysDo) {
  add("web");
  round("web", Settled::good);
  EXPECT_DOUBLE_EQ(wait(), 63);  // 60 s and half of the jitter
  clock_.advance(70s);           // late
  chance_ = 0;
  round("web", Settled::good);
  EXPECT_DOUBLE_EQ(wait(), 50);  // 120 s after the start
}

TEST_F(ScheduleTest, JitterSpreadsEqualIntervals) {
  for (int i = 0; i < 50; ++i)
    add("chart" + std::to_string(i));
  std::set<SteadyTime> moments;
  for (int i = 0; i < 50; ++i) {
    chance_ = i / 50.0;
    moments.insert(*round("chart" + std::to_string(i), Settled::good));
  }
  EXPECT_EQ(moments.size(), 50U);
  EXPECT_EQ(*moments.begin(), now() + 60s);
  EXPECT_LE(*moments.rbegin(), now() + 66s);
}

TEST_F(ScheduleTest, BackOffDoublesToItsMostAndEndsWithSuccess) {
  add("web");
  for (const double pause : {5.0, 10.0, 20.0, 40.0, 40.0}) {
    round("web", Settled::may_pass);
    EXPECT_DOUBLE_EQ(wait(), pause);
    clock_.advance(std::chrono::duration_cast<Duration>(std::chrono::duration<double>(pause)));
  }
  EXPECT_EQ(schedule_.failures("web"), 5U);
  round("web", Settled::good);
  EXPECT_EQ(schedule_.failures("web"), 0U);
}

TEST_F(ScheduleTest, RetryAfterIsALowerBoundEvenForThoseInAHurry) {
  add("web");
  round("web", Settled::may_pass, now() + 30s);
  EXPECT_DOUBLE_EQ(wait(), 30);
  schedule_.hasten("web", now());
  EXPECT_DOUBLE_EQ(wait(), 30);
  clock_.advance(30s);
  round("web", Settled::good);
  schedule_.hasten("web", now());
  EXPECT_DOUBLE_EQ(wait(), 0);
}

TEST_F(ScheduleTest, AStuckChartWaitsForItsTurn) {
  add("web");
  chance_ = 0;
  round("web", Settled::stuck);
  EXPECT_DOUBLE_EQ(wait(), 60);
}

TEST_F(ScheduleTest, HasteWhileUnderWayMeansOnceMore) {
  add("web");
  EXPECT_EQ(schedule_.take(now()), "web");
  schedule_.hasten("web", now());
  EXPECT_EQ(schedule_.take(now()), std::nullopt);
  EXPECT_EQ(schedule_.settle("web", Settled::good, now()), now());
}

TEST_F(ScheduleTest, WithoutIntervalsItEnds) {
  add("web", std::nullopt);
  add("db", std::nullopt);
  round("web", Settled::good);
  round("db", Settled::may_pass);
  EXPECT_FALSE(schedule_.ended());
  clock_.advance(5s);
  EXPECT_EQ(schedule_.take(now()), "db");
  EXPECT_EQ(schedule_.settle("db", Settled::may_pass, now(), {}, now() + 1s), std::nullopt);
  EXPECT_TRUE(schedule_.ended());
}

TEST_F(ScheduleTest, ABackOffThatLeadsPastTheEndIsCut) {
  add("web", std::nullopt);
  const SteadyTime end = now() + 100s;
  for (const double pause : {5.0, 10.0, 20.0, 40.0, 12.5, 6.25, 5.25}) {
    EXPECT_EQ(schedule_.take(now()), "web");
    EXPECT_TRUE(schedule_.settle("web", Settled::may_pass, now(), {}, end));
    EXPECT_DOUBLE_EQ(wait(), pause);
    clock_.advance(std::chrono::duration_cast<Duration>(std::chrono::duration<double>(pause)));
  }
  EXPECT_EQ(schedule_.take(now()), "web");
  EXPECT_EQ(schedule_.settle("web", Settled::may_pass, now(), {}, end), std::nullopt);
}

TEST_F(ScheduleTest, ARemovedChartIsNeverDueAgain) {
  add("web");
  EXPECT_EQ(schedule_.take(now()), "web");
  schedule_.remove("web");
  EXPECT_EQ(schedule_.settle("web", Settled::good, now()), std::nullopt);
  EXPECT_TRUE(schedule_.ended());
}

}  // namespace
}  // namespace ocisync
