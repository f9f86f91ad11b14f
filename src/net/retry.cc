#include "net/retry.h"

#include <algorithm>
#include <array>

#include "base/text.h"

namespace ocisync {
namespace {

using namespace std::chrono_literals;

constexpr Duration kFirstPause = 250ms;
constexpr Duration kLongestPause = 5s;
constexpr Duration kLongestRetryAfter = 24h;

constexpr auto kRetryable = std::to_array<int>({408, 421, 425, 429, 499, 500, 502, 503, 504, 522});

// `first` doubled `times` times, never above `most`.
Duration doubled(Duration first, unsigned times, Duration most) {
  for (; times > 0 && first < most; --times)
    first = first > most / 2 ? most : first * 2;
  return std::min(first, most);
}

Duration scaled(Duration pause, double factor) {
  return Duration(static_cast<Duration::rep>(static_cast<double>(pause.count()) * factor));
}

bool all_digits(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

Duration clamped_seconds(std::string_view digits) {
  const Duration most = kLongestRetryAfter;
  Duration::rep seconds = 0;
  for (const char digit : digits) {
    seconds = seconds * 10 + (digit - '0');
    if (std::chrono::seconds(seconds) >= most)
      return most;
  }
  return std::chrono::seconds(seconds);
}

}  // namespace

bool retryable_status(int status) {
  return std::find(kRetryable.begin(), kRetryable.end(), status) != kRetryable.end();
}

Duration request_backoff(unsigned tried, const Random& random) {
  return scaled(doubled(kFirstPause, std::max(tried, 1U) - 1, kLongestPause), random());
}

Duration chart_backoff(unsigned failures, Duration min, Duration max, const Random& random) {
  return scaled(doubled(min, std::max(failures, 1U) - 1, max), 0.9 + 0.2 * random());
}

std::optional<Duration> retry_after(std::string_view value, WallTime now) {
  value = trim(value);
  if (all_digits(value))
    return clamped_seconds(value);
  const auto date = parse_http_date(value);
  if (!date)
    return std::nullopt;
  const auto wait = std::chrono::ceil<Duration>(*date - now);
  return std::clamp(wait, Duration(0), kLongestRetryAfter);
}

}  // namespace ocisync
