#include "app/result.h"

#include <gtest/gtest.h>

#include "app/table.h"
#include "app/termination_log.h"
#include "base/text.h"
#include "support/utf8.h"

namespace ocisync {
namespace {

Outcome failed(std::string name, std::string message, bool required = true) {
  Outcome chart;
  chart.name = std::move(name);
  chart.reference = "r.example/charts/web:1.0.0";
  chart.state = ChartState::failed;
  chart.reason = Reason::not_found;
  chart.stage = "resolve";
  chart.http_status = 404;
  chart.message = std::move(message);
  chart.hint = "push it";
  chart.required = required;
  return chart;
}

Outcome exported(std::string name) {
  Outcome chart;
  chart.name = std::move(name);
  chart.version = "1.2.3";
  chart.digest = Digest::of("x");
  chart.state = ChartState::updated;
  chart.in_place = true;
  return chart;
}

TEST(Table, AlignsByWhatIsSeenAndNeutralisesTheRest) {
  EXPECT_EQ(aligned_table({{"NAME", "X"}, {"海図", "1"}, {"ab\x1b[2J", "2"}}),
            "NAME       X\n海図       1\nab\\x1b[2J  2\n");
}

TEST(Result, AFailureIsOneLineThatSaysAll) {
  EXPECT_EQ(failure_line(failed("web", "no such\ntag")),
            "web: NotFound at resolve (HTTP 404): r.example/charts/web:1.0.0: no such\\x0atag "
            "(push it)\n");
  EXPECT_TRUE(failure_line(failed("web", "gone", false)).starts_with("web (optional): NotFound"));
}

TEST(TerminationMessage, RequiredFailuresComeFirst) {
  PassResult result;
  result.charts = {exported("a"), failed("b", "gone", false), failed("c", "gone")};
  const std::string message = termination_message(result);
  EXPECT_TRUE(message.starts_with("c: NotFound"));
  EXPECT_LT(message.find("\nb (optional)"), message.find("\n3 charts: 1 updated, 2 failed"));
  EXPECT_TRUE(message.ends_with("a 1.2.3 " + Digest::of("x").str())) << message;
}

TEST(TerminationMessage, IsCutAtACharacterBelowTheLimit) {
  for (std::size_t i = 0; i < 4; ++i) {
    PassResult result;
    for (int chart = 0; chart < 50; ++chart)
      result.charts.push_back(
          failed(std::string(i, 'x') + "web", std::string(100, 'm') + "海図室"));
    const std::string message = termination_message(result);
    EXPECT_LE(message.size(), 4096U);
    EXPECT_GE(message.size(), 4090U);
    EXPECT_TRUE(valid_utf8(message));
    EXPECT_TRUE(message.ends_with("…"));
  }
}

}  // namespace
}  // namespace ocisync
