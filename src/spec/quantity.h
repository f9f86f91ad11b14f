#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"

namespace ocisync {

// Go's duration grammar ("1h30m", "250ms", "0"); units ns us µs ms s m h. Absent: not a duration,
// negative, or beyond 292 years. Finer than a millisecond rounds up to one.
std::optional<Duration> parse_duration(std::string_view text);
std::string format_duration(Duration duration);  // canonical: 1h30m0s becomes "1h30m"

// A Kubernetes quantity in bytes: "64Mi", "5Gi", "1e3", "100M", "512". Absent: not a quantity,
// negative, fractional bytes, or above 2^63-1.
std::optional<std::uint64_t> parse_size(std::string_view text);
std::string format_size(std::uint64_t bytes);  // the shortest exact form: 64Mi, 5Gi, 1000

}  // namespace ocisync
