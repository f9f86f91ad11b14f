#include "base/log.h"

#include <string>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/json.h"
#include "base/text.h"

namespace ocisync {
namespace {

using testing::MatchesRegex;

template <typename Act>
std::string stderr_of(Act&& act) {
  testing::internal::CaptureStderr();
  act();
  return testing::internal::GetCapturedStderr();
}

TEST(TextLog, IsOneReadableLineAnEvent) {
  const std::string line = stderr_of([] {
    Log log(LogLevel::info, LogFormat::text, false);
    log.info("ChartPublished", "chart web is at 1.2.3",
             {{"chart", "web"},
              {"note", "with \"blanks\""},
              {"empty", ""},
              {"bytes", std::int64_t{42}},
              {"seconds", 0.5},
              {"changed", true}});
  });
  EXPECT_THAT(
      line,
      MatchesRegex("[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}Z INFO  ChartPublished chart web is at "
                   "1.2.3 chart=web note=\"with .\"blanks.\"\" bytes=42 seconds=0.5 "
                   "changed=true\n"));
}

TEST(TextLog, ColoursTheLevelOnlyWhenAsked) {
  const auto warn = [](bool colour) {
    Log(LogLevel::info, LogFormat::text, colour).warning("E", "m");
  };
  EXPECT_THAT(stderr_of([&] { warn(true); }), testing::HasSubstr("\x1b[33mWARN \x1b[0m E m"));
  EXPECT_THAT(stderr_of([&] { warn(false); }), testing::HasSubstr("Z WARN  E m"));
}

TEST(JsonLog, HoldsTheFourKeysThenTheFields) {
  const std::string line = stderr_of([] {
    Log log(LogLevel::debug, LogFormat::json, true);
    log.error("ChartFailed", "no such tag",
              {{"chart", "web"}, {"hint", ""}, {"attempt", std::int64_t{3}}});
  });
  const Json record = Json::parse(line);
  EXPECT_THAT(*record.find_string("ts"),
              MatchesRegex("[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}[.][0-9]{3}Z"));
  EXPECT_THAT(line,
              testing::EndsWith(R"("level":"error","event":"ChartFailed","msg":"no such tag",)"
                                R"("chart":"web","attempt":3})"
                                "\n"));
}

TEST(AnyLog, LetsNoHostileTextOut) {
  for (const LogFormat format : {LogFormat::text, LogFormat::json}) {
    const std::string line = stderr_of([&] {
      Log log(LogLevel::info, format, false);
      log.info("E", "a\nfake line\x1b[2J", {{"name", std::string("x\r\n\xff\x07")}});
    });
    EXPECT_EQ(line.find_first_of("\n\r\x1b\x07\xff"), line.size() - 1);
  }
}

TEST(AnyLog, DropsWhatIsBelowItsLevel) {
  EXPECT_EQ(stderr_of([] {
              Log log(LogLevel::warning, LogFormat::text, false);
              log.debug("E", "m");
              log.info("E", "m");
            }),
            "");
}

TEST(AnyLog, KeepsLinesWholeBetweenThreads) {
  const std::string output = stderr_of([] {
    Log log(LogLevel::info, LogFormat::json, false);
    std::vector<std::jthread> threads;
    for (std::int64_t i = 0; i < 4; ++i)
      threads.emplace_back([&log, i] {
        for (int j = 0; j < 200; ++j)
          log.info("Tick", std::string(100, 'x'), {{"thread", i}});
      });
  });
  const auto lines = split(trim(output), '\n');
  EXPECT_EQ(lines.size(), 800U);
  for (const std::string_view line : lines)
    EXPECT_NO_THROW(Json::parse(line));
}

}  // namespace
}  // namespace ocisync
