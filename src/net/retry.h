#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string_view>

#include "base/clock.h"

namespace ocisync {

// Retry arithmetic, pure: no clock, no randomness of its own.

// Uniform in [0, 1).
using Random = std::function<double()>;

bool retryable_status(int status);  // 408, 421, 425, 429, 499, 500, 502, 503, 504, 522

// The pause before try number `tried + 1` of a request, 250 ms doubling with full jitter, at most 5
// s.
Duration request_backoff(unsigned tried, const Random& random);

// The pause before a chart's next attempt: min, doubling per failure in a row to max, ±10 %.
Duration chart_backoff(unsigned failures, Duration min, Duration max, const Random& random);

// Retry-After, both forms (RFC 9110 section 10.2.3), clamped to [0, 24h]. Absent: not given or
// garbage.
std::optional<Duration> retry_after(std::string_view value, WallTime now);

}  // namespace ocisync
