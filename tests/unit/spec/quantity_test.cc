#include "spec/quantity.h"

#include <gtest/gtest.h>

namespace ocisync {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

TEST(Quantity, ReadsDurationsAsGoDoes) {
  const std::vector<std::pair<std::string, Duration>> cases = {
      {"0", seconds(0)},
      {"0s", seconds(0)},
      {"30s", seconds(30)},
      {"1h30m", minutes(90)},
      {"250ms", milliseconds(250)},
      {"1.5h", minutes(90)},
      {".5s", milliseconds(500)},
      {"1.s", seconds(1)},
      {"+5s", seconds(5)},
      {"1m1m", minutes(2)},
      {"1h0m0.25s", hours(1) + milliseconds(250)},
      {"1000us", milliseconds(1)},
      {"2000µs", milliseconds(2)},
      {"3000μs", milliseconds(3)},
      {"0.1h", minutes(6)},
      {"1.00000000000000000001s", seconds(1)},
  };
  for (const auto& [text, expected] : cases)
    EXPECT_EQ(parse_duration(text), expected) << text;
}

TEST(Quantity, RoundsWhatIsFinerThanAMillisecondUp) {
  EXPECT_EQ(parse_duration("1ns"), milliseconds(1));
  EXPECT_EQ(parse_duration("1500us"), milliseconds(2));
  EXPECT_EQ(parse_duration("1s1ns"), milliseconds(1001));
}

TEST(Quantity, RefusesWhatIsNoDuration) {
  for (const std::string text :
       {"", "+", "-5s", "5", "5 s", "s", ".s", "1h-1m", "5d", "1,5s", "5S", "abc", "1h ", "0x1s",
        "300y", "9223372037s", "2562048h", "99999999999999999999s", "9223372036s1s"})
    EXPECT_EQ(parse_duration(text), std::nullopt) << text;
  EXPECT_NE(parse_duration("9223372036s"), std::nullopt);  // 292 years are still one
}

TEST(Quantity, WritesDurationsInTheOneShortWay) {
  const std::vector<std::pair<Duration, std::string>> cases = {
      {seconds(0), "0s"},
      {milliseconds(250), "250ms"},
      {seconds(90), "1m30s"},
      {minutes(90), "1h30m"},
      {hours(24), "24h"},
      {milliseconds(1500), "1.5s"},
      {hours(1) + milliseconds(10), "1h0.01s"},
  };
  for (const auto& [duration, expected] : cases) {
    EXPECT_EQ(format_duration(duration), expected);
    EXPECT_EQ(parse_duration(expected), duration);
  }
}

TEST(Quantity, ReadsSizesAsKubernetesDoes) {
  const std::vector<std::pair<std::string, std::uint64_t>> cases = {
      {"0", 0},
      {"512", 512},
      {"64Mi", 64ULL << 20},
      {"5Gi", 5ULL << 30},
      {"1e3", 1000},
      {"1E3", 1000},
      {"1E", 1'000'000'000'000'000'000},
      {"100M", 100'000'000},
      {"1k", 1000},
      {"0.5Gi", 1ULL << 29},
      {"1.5Ki", 1536},
      {"10.0", 10},
      {"1000m", 1},
      {"2500e-2", 25},
      {"+7", 7},
      {"9223372036854775807", 9223372036854775807ULL},
      {"1.25e2", 125},
      {".5k", 500},
  };
  for (const auto& [text, expected] : cases)
    EXPECT_EQ(parse_size(text), expected) << text;
}

TEST(Quantity, RefusesWhatIsNoSize) {
  for (const std::string text : {"",
                                 "-1",
                                 "5GB",
                                 "64MB",
                                 "64K",
                                 "64mi",
                                 "1.5",
                                 "0.1Ki",
                                 "1 Mi",
                                 "Mi",
                                 "e3",
                                 "1e",
                                 "1e9999",
                                 "8Ei",
                                 "9223372036854775808",
                                 "99999999999999999999",
                                 "0x10",
                                 "1500m",
                                 "1_000",
                                 "1.2.3"})
    EXPECT_EQ(parse_size(text), std::nullopt) << text;
}

TEST(Quantity, WritesSizesInTheShortestExactWay) {
  const std::vector<std::pair<std::uint64_t, std::string>> cases = {
      {0, "0"},
      {1000, "1000"},
      {1024, "1Ki"},
      {64ULL << 20, "64Mi"},
      {5ULL << 30, "5Gi"},
      {1536, "1536"},
      {3ULL << 60, "3Ei"},
  };
  for (const auto& [bytes, expected] : cases)
    EXPECT_EQ(format_size(bytes), expected);
}

}  // namespace
}  // namespace ocisync
