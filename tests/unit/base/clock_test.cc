#include "base/clock.h"

#include <gtest/gtest.h>

namespace ocisync {
namespace {

using std::chrono::seconds;

const WallTime kMoment = std::chrono::system_clock::from_time_t(1'767'323'045);

TEST(Rfc3339, WritesUtcWithWholeSeconds) {
  EXPECT_EQ(rfc3339(kMoment), "2026-01-02T03:04:05Z");
  EXPECT_EQ(rfc3339(kMoment + std::chrono::milliseconds(999)), "2026-01-02T03:04:05Z");
  EXPECT_EQ(rfc3339(WallTime{}), "1970-01-01T00:00:00Z");
}

TEST(Rfc3339, ReadsOffsetsAndFractions) {
  for (const std::string_view text :
       {"2026-01-02T03:04:05Z", "2026-01-02t03:04:05z", "2026-01-02T03:04:05.987654321Z",
        "2026-01-02T05:34:05+02:30", "2026-01-01T22:04:05-05:00"})
    EXPECT_EQ(parse_rfc3339(text), kMoment) << text;
  EXPECT_EQ(parse_rfc3339("2024-02-29T00:00:00Z"),
            std::chrono::system_clock::from_time_t(1'709'164'800));
}

TEST(Rfc3339, RefusesWhatIsNoMoment) {
  for (const std::string_view text :
       {"", "2026-01-02", "2026-01-02T03:04:05", "2026-01-02 03:04:05Z", "2026-13-02T03:04:05Z",
        "2026-02-29T00:00:00Z", "2026-00-02T03:04:05Z", "2026-01-02T24:00:00Z",
        "2026-01-02T03:60:05Z", "2026-01-02T03:04:05.Z", "2026-01-02T03:04:05+0200",
        "2026-01-02T03:04:05Zx", "-026-01-02T03:04:05Z", "2026-01-02T03:04:05+24:00"})
    EXPECT_FALSE(parse_rfc3339(text)) << text;
}

TEST(HttpDate, ReadsTheOneFormThatServersMustSend) {
  EXPECT_EQ(parse_http_date("Fri, 02 Jan 2026 03:04:05 GMT"), kMoment);
}

TEST(HttpDate, RefusesTheRest) {
  for (const std::string_view text :
       {"", "120", "Friday, 02-Jan-26 03:04:05 GMT", "Fri Jan  2 03:04:05 2026",
        "Fri, 02 Jan 2026 03:04:05 UTC", "Fri, 32 Jan 2026 03:04:05 GMT",
        "Fri, 31 Feb 2026 03:04:05 GMT", "Fri, 02 Foo 2026 03:04:05 GMT",
        "Fri, 02xJan 2026 03:04:05 GMT", "Fri, 02 Jan 2026 03-04-05 GMT"})
    EXPECT_FALSE(parse_http_date(text)) << text;
}

TEST(RealClock, GoesForward) {
  const RealClock clock;
  const SteadyTime before = clock.steady();
  EXPECT_GE(clock.steady(), before);
  EXPECT_GT(clock.wall(), kMoment - seconds(400L * 24 * 3600));
}

TEST(HumanAge, SpeaksAsHelmDoes) {
  constexpr std::int64_t kMinute = 60, kHour = 3600, kDay = 24 * kHour;
  const std::pair<std::int64_t, const char*> rows[] = {
      {-5, "Less than a second"},
      {0, "Less than a second"},
      {1, "1 second"},
      {27, "27 seconds"},
      {59, "59 seconds"},
      {60, "About a minute"},
      {2 * kMinute - 1, "About a minute"},
      {45 * kMinute + 59, "45 minutes"},
      {46 * kMinute, "About an hour"},
      {90 * kMinute - 1, "About an hour"},
      {90 * kMinute, "2 hours"},
      {2 * kHour, "2 hours"},
      {47 * kHour, "47 hours"},
      {48 * kHour, "2 days"},
      {13 * kDay, "13 days"},
      {14 * kDay, "2 weeks"},
      {59 * kDay, "8 weeks"},
      {60 * kDay, "2 months"},
      {729 * kDay, "24 months"},
      {730 * kDay, "2 years"},
  };
  for (const auto& [age, text] : rows)
    EXPECT_EQ(human_age(std::chrono::seconds(age)), text) << age;
}

}  // namespace
}  // namespace ocisync
