#include "net/retry.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace ocisync {
namespace {

using namespace std::chrono_literals;

Random always(double value) {
  return [value] { return value; };
}

TEST(Retry, KnowsWhichAnswersMayChange) {
  for (const int status : {408, 421, 425, 429, 499, 500, 502, 503, 504, 522})
    EXPECT_TRUE(retryable_status(status)) << status;
  for (const int status :
       {100, 200, 206, 301, 307, 400, 401, 403, 404, 405, 406, 410, 413, 416, 501})
    EXPECT_FALSE(retryable_status(status)) << status;
}

TEST(Retry, SpreadsRequestsOverADoublingPause) {
  const std::vector<std::pair<unsigned, Duration>> table = {
      {0, 250ms},  {1, 250ms},  {2, 500ms},  {3, 1000ms},    {4, 2000ms},
      {5, 4000ms}, {6, 5000ms}, {7, 5000ms}, {1000, 5000ms}, {~0U, 5000ms},
  };
  for (const auto& [tried, ceiling] : table) {
    EXPECT_EQ(request_backoff(tried, always(0)), 0ms) << tried;
    EXPECT_EQ(request_backoff(tried, always(0.5)), ceiling / 2) << tried;
    EXPECT_LE(request_backoff(tried, always(0.999999)), ceiling) << tried;
    EXPECT_GE(request_backoff(tried, always(0.999999)), ceiling - 2ms) << tried;
  }
}

struct ChartRow {
  unsigned failures;
  Duration min;
  Duration max;
  Duration expected;
};

TEST(Retry, DoublesTheWaitOfAChartUpToItsMaximum) {
  const std::vector<ChartRow> table = {
      {1, 5s, 5min, 5s},
      {2, 5s, 5min, 10s},
      {3, 5s, 5min, 20s},
      {6, 5s, 5min, 160s},
      {7, 5s, 5min, 5min},
      {8, 5s, 5min, 5min},
      {0, 5s, 5min, 5s},
      {1000, 5s, 5min, 5min},
      {~0U, 1ms, Duration::max() / 2, Duration::max() / 2},
      {3, 10s, 10s, 10s},
      {1, 10s, 5s, 5s},
      {5, 0ms, 1s, 0ms},
  };
  for (const ChartRow& row : table) {
    const Duration middle = chart_backoff(row.failures, row.min, row.max, always(0.5));
    EXPECT_NEAR(static_cast<double>(middle.count()), static_cast<double>(row.expected.count()),
                1 + 1e-9 * static_cast<double>(row.expected.count()))
        << row.failures;
  }
}

TEST(Retry, VariesTheWaitOfAChartByATenth) {
  EXPECT_EQ(chart_backoff(1, 10s, 60s, always(0)), 9s);
  EXPECT_EQ(chart_backoff(1, 10s, 60s, always(0.75)), 10500ms);
  EXPECT_LE(chart_backoff(9, 10s, 60s, always(0.999999)), 66s);
}

TEST(Retry, ReadsRetryAfter) {
  const WallTime now = *parse_rfc3339("1994-11-06T08:49:00Z");
  const std::vector<std::pair<std::string, std::optional<Duration>>> table = {
      {"0", 0s},
      {"120", 120s},
      {" 7 ", 7s},
      {"007", 7s},
      {"86400", 24h},
      {"86401", 24h},
      {"999999999", 24h},
      {"99999999999999999999999999999999", 24h},
      {"Sun, 06 Nov 1994 08:49:37 GMT", 37s},
      {"Sun, 06 Nov 1994 08:48:00 GMT", 0s},
      {"Sun, 06 Nov 2094 08:49:37 GMT", 24h},
      {"", std::nullopt},
      {"-1", std::nullopt},
      {"+1", std::nullopt},
      {"1.5", std::nullopt},
      {"1e3", std::nullopt},
      {"soon", std::nullopt},
      {"12 monkeys", std::nullopt},
      {"Sunday, 06-Nov-94 08:49:37 GMT", std::nullopt},
  };
  for (const auto& [value, expected] : table)
    EXPECT_EQ(retry_after(value, now), expected) << value;
}

}  // namespace
}  // namespace ocisync
