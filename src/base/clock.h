#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace ocisync {

using Duration = std::chrono::milliseconds;
using WallTime = std::chrono::system_clock::time_point;
using SteadyTime = std::chrono::steady_clock::time_point;

// The time, as an argument. Deadlines and back-off use steady(); wall() is for people and files.
// Safe from any thread. A seam for tests (tests/unit/support/manual_clock.h).
class Clock {
 public:
  virtual ~Clock() = default;
  virtual WallTime wall() const = 0;
  virtual SteadyTime steady() const = 0;
};

class RealClock final : public Clock {
 public:
  WallTime wall() const override { return std::chrono::system_clock::now(); }

  SteadyTime steady() const override { return std::chrono::steady_clock::now(); }
};

// RFC 3339 in UTC with whole seconds: 2026-01-02T03:04:05Z.
std::string rfc3339(WallTime time);

// How long ago something was, for people, as Docker and Helm say it: 27 seconds, About an hour,
// 2 weeks. What lies in the future is "Less than a second".
std::string human_age(std::chrono::seconds age);

// Reads RFC 3339 with any offset and optional fraction. Absent: not such a time.
std::optional<WallTime> parse_rfc3339(std::string_view text);

// Reads an HTTP date (RFC 9110 section 5.6.7, IMF-fixdate only).
std::optional<WallTime> parse_http_date(std::string_view text);

}  // namespace ocisync
