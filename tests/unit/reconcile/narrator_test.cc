#include "reconcile/narrator.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/json.h"
#include "observe/board_rig.h"

namespace ocisync {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class NarratorTest : public testing::Test {
 protected:
  NarratorTest() {
    log.divert([this](std::string_view line) { lines.push_back(Json::parse(std::string(line))); });
  }

  ~NarratorTest() override { log.divert({}); }

  void end(ChartState state, std::optional<Reason> reason = {}, unsigned failures = 0,
           std::optional<SteadyTime> when = SteadyTime{}) {
    Outcome outcome;
    outcome.name = "web";
    outcome.version = "1.0.0";
    outcome.digest = digest_of("1.0.0");
    outcome.intact = true;
    outcome.state = state;
    outcome.reason = reason;
    outcome.message = "because";
    outcome.not_before = not_before;
    rig.board.attempt_began("web");
    narrator.ended(outcome, {failures, when, rig.clock.wall()});
  }

  std::vector<std::string> told() {
    std::vector<std::string> events;
    for (const Json& line : std::exchange(lines, {}))
      events.push_back(*line.find_string("event"));
    return events;
  }

  BoardRig rig{{"web"}};
  Log log{LogLevel::debug, LogFormat::json, false};
  Narrator narrator{log, rig.board, rig.clock};
  std::vector<Json> lines;
  std::optional<SteadyTime> not_before;  // of what fails
};

TEST_F(NarratorTest, SaysNothingWhileNothingChanges) {
  end(ChartState::updated);
  EXPECT_THAT(told(), ElementsAre("ChartUpdated"));
  for (int i = 0; i < 5; ++i)
    end(ChartState::unchanged);
  EXPECT_THAT(told(), IsEmpty());
  EXPECT_EQ(rig.chart("web").result, SyncResult::unchanged);
}

TEST_F(NarratorTest, TellsOfTheSameTroubleEverLessOften) {
  std::vector<unsigned> told_after;
  for (unsigned failures = 1; failures <= 20; ++failures) {
    end(ChartState::failed, Reason::unavailable, failures);
    if (!told().empty())
      told_after.push_back(failures);
  }
  EXPECT_THAT(told_after, ElementsAre(1, 2, 4, 8, 16));
  EXPECT_EQ(rig.chart("web").failures, 20U);
}

TEST_F(NarratorTest, TellsOnceOfARegistryThatAsksForPatience) {
  not_before = SteadyTime{};
  for (unsigned failures = 1; failures <= 8; ++failures)
    end(ChartState::failed, Reason::rate_limited, failures);
  EXPECT_THAT(told(), ElementsAre("ChartRetry"));
  end(ChartState::failed, Reason::rate_limited, 9, std::nullopt);
  EXPECT_THAT(told(), ElementsAre("ChartFailed")) << "it is not tried again";
}

TEST_F(NarratorTest, LeavesOutWhatItHasNothingToSayOf) {
  end(ChartState::failed, Reason::unavailable, 1);
  EXPECT_EQ(lines.at(0).find("hint"), nullptr);
  EXPECT_EQ(lines.at(0).find("stage"), nullptr);
  EXPECT_NE(lines.at(0).find("exported"), nullptr);
}

TEST_F(NarratorTest, TellsOfAnotherTroubleAndOfTheLastTryAtOnce) {
  end(ChartState::failed, Reason::unavailable, 1);
  end(ChartState::failed, Reason::unavailable, 3);
  EXPECT_THAT(told(), ElementsAre("ChartRetry"));
  end(ChartState::failed, Reason::not_found, 5);
  EXPECT_THAT(told(), ElementsAre("ChartFailed")) << "only a person can help";
  end(ChartState::failed, Reason::not_found, 6, std::nullopt);
  EXPECT_THAT(told(), ElementsAre("ChartFailed")) << "it is not tried again";
}

TEST_F(NarratorTest, SaysWhatStandsMeanwhile) {
  end(ChartState::failed, Reason::unavailable, 1);
  EXPECT_THAT(*lines.at(0).find_string("exported"),
              HasSubstr("1.0.0 (stale, confirmed at 2026-01-02T03:04:05Z)"));
}

TEST_F(NarratorTest, TellsOfTheEndOfATroubleOnce) {
  end(ChartState::failed, Reason::unavailable, 1);
  end(ChartState::unchanged);
  end(ChartState::unchanged);
  EXPECT_THAT(told(), ElementsAre("ChartRetry", "ChartRecovered"));
  end(ChartState::failed, Reason::unavailable, 1);
  narrator.forget("web");
  end(ChartState::unchanged);
  EXPECT_THAT(told(), ElementsAre("ChartRetry"));
}

TEST_F(NarratorTest, TheEndOfTheProcessIsNoTrouble) {
  end(ChartState::updated);
  told();
  end(ChartState::failed, Reason::cancelled);
  EXPECT_THAT(told(), IsEmpty());
  EXPECT_EQ(rig.chart("web").result, SyncResult::updated);
}

}  // namespace
}  // namespace ocisync
