#include "observe/progress.h"

#include <gtest/gtest.h>

#include "base/display.h"
#include "observe/bars.h"
#include "support/manual_clock.h"

namespace ocisync {
namespace {

using std::chrono::seconds;

TEST(Progress, CountsBytesOnceAlsoWhenATransferBeginsAnew) {
  ManualClock clock;
  Progress progress(clock);
  progress.expect(3);
  const auto web = progress.begin("web", 100);
  progress.moved(web, 60);
  progress.moved(web, 0);
  progress.moved(web, 100);
  progress.end(web);
  progress.moved(web, 500);  // too late
  progress.chart_done(false);
  progress.chart_done(true);
  const Progress::Facts facts = progress.facts();
  EXPECT_EQ(facts.bytes, 160U);
  EXPECT_EQ(facts.charts, 3U);
  EXPECT_EQ(facts.done, 2U);
  EXPECT_EQ(facts.failed, 1U);
  EXPECT_TRUE(facts.moving.empty());
}

TEST(Progress, ARateIsThatOfTheLastSeconds) {
  ManualClock clock;
  Progress progress(clock);
  progress.expect(1);
  const auto web = progress.begin("web", 1'000'000);
  clock.advance(seconds(1));
  progress.moved(web, 5000);
  EXPECT_DOUBLE_EQ(progress.facts().rate, 5000);
  for (int i = 0; i < 10; ++i) {
    clock.advance(seconds(1));
    (void)progress.facts();
  }
  const Progress::Facts stalled = progress.facts();
  EXPECT_DOUBLE_EQ(stalled.rate, 0);
  EXPECT_DOUBLE_EQ(stalled.moving.front().rate, 5000.0 / 11);
}

TEST(Progress, ANewPassBeginsFromNothing) {
  ManualClock clock;
  Progress progress(clock);
  progress.expect(2);
  progress.moved(progress.begin("web", 10), 10);
  progress.chart_done(true);
  progress.expect(5);
  const Progress::Facts facts = progress.facts();
  EXPECT_EQ(facts.charts, 5U);
  EXPECT_EQ(facts.done + facts.failed + facts.bytes, 0U);
}

Progress::Facts busy(std::size_t transfers) {
  Progress::Facts facts{.charts = 200, .done = 12, .failed = 3, .bytes = 1ULL << 30, .rate = 1e7};
  for (std::size_t i = 0; i < transfers; ++i)
    facts.moving.push_back(
        {"a-rather-long-chart-name-海図-" + std::to_string(i), 700 * i, 9000, 1e6});
  return facts;
}

TEST(ProgressLines, NeverExceedTheWindow) {
  for (std::size_t columns = 1; columns < 220; ++columns)
    for (const std::size_t rows : {1U, 2U, 5U, 24U, 60U}) {
      const auto lines = progress_lines(busy(20), {columns, rows});
      ASSERT_FALSE(lines.empty());
      EXPECT_LT(lines.size(), std::max<std::size_t>(rows, 3)) << columns << "x" << rows;
      for (const std::string& line : lines)
        EXPECT_LE(display_width(line), std::max<std::size_t>(columns, 2) - 1) << line;
    }
}

TEST(ProgressLines, SayWhatTheyLeaveOut) {
  const auto lines = progress_lines(busy(20), {100, 50});
  ASSERT_EQ(lines.size(), 12U);
  EXPECT_EQ(lines.back(), "  and 10 more");
  EXPECT_NE(lines.front().find("12/200 charts, 3 failed  1.0 GiB  9.5 MiB/s"), std::string::npos);
}

TEST(ProgressLines, NamesCannotSteerTheTerminal) {
  Progress::Facts facts{.charts = 1};
  facts.moving.push_back({"\x1b[2Jweb\n", 1, 2, 0});
  const auto lines = progress_lines(facts, {100, 24});
  EXPECT_EQ(lines.at(1).find_first_of("\x1b\n"), std::string::npos);
}

}  // namespace
}  // namespace ocisync
