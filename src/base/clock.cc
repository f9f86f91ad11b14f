#include "base/clock.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <ctime>

#include <fmt/format.h>

namespace ocisync {
namespace {

WallTime from_utc(std::tm fields) {
  return std::chrono::system_clock::from_time_t(timegm(&fields));
}

std::optional<int> number(std::string_view text) {
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || text.empty() || text[0] == '-')
    return std::nullopt;
  return value;
}

bool plausible(const std::tm& t) {
  if (t.tm_mon < 0 || t.tm_mday < 1)
    return false;
  const std::chrono::year_month_day date(std::chrono::year(t.tm_year + 1900),
                                         std::chrono::month(static_cast<unsigned>(t.tm_mon + 1)),
                                         std::chrono::day(static_cast<unsigned>(t.tm_mday)));
  return date.ok() && t.tm_hour < 24 && t.tm_min < 60 && t.tm_sec <= 60;
}

// The seconds that a suffix "Z", "+hh:mm" or "-hh:mm" adds to UTC.
std::optional<int> offset_seconds(std::string_view zone) {
  if (zone == "Z" || zone == "z")
    return 0;
  if (zone.size() != 6 || (zone[0] != '+' && zone[0] != '-') || zone[3] != ':')
    return std::nullopt;
  const auto hours = number(zone.substr(1, 2)), minutes = number(zone.substr(4, 2));
  if (!hours || !minutes || *hours > 23 || *minutes > 59)
    return std::nullopt;
  const int seconds = *hours * 3600 + *minutes * 60;
  return zone[0] == '-' ? -seconds : seconds;
}

}  // namespace

std::string rfc3339(WallTime time) {
  const std::time_t seconds = std::chrono::system_clock::to_time_t(time);
  std::tm fields{};
  gmtime_r(&seconds, &fields);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z", fields.tm_year + 1900,
                     fields.tm_mon + 1, fields.tm_mday, fields.tm_hour, fields.tm_min,
                     fields.tm_sec);
}

std::string human_age(std::chrono::seconds age) {
  const auto seconds = age.count();
  if (seconds < 1)
    return "Less than a second";
  if (seconds < 60)
    return seconds == 1 ? "1 second" : fmt::format("{} seconds", seconds);
  const auto minutes = seconds / 60;
  if (minutes < 46)
    return minutes == 1 ? "About a minute" : fmt::format("{} minutes", minutes);
  const auto hours = (seconds + 1800) / 3600;
  if (hours < 48)
    return hours == 1 ? "About an hour" : fmt::format("{} hours", hours);
  const auto days = hours / 24;
  if (days < 14)
    return fmt::format("{} days", days);
  if (days < 60)
    return fmt::format("{} weeks", days / 7);
  if (days < 730)
    return fmt::format("{} months", days / 30);
  return fmt::format("{} years", days / 365);
}

std::optional<WallTime> parse_rfc3339(std::string_view text) {
  if (text.size() < 20 || text[4] != '-' || text[7] != '-' ||
      (text[10] != 'T' && text[10] != 't') || text[13] != ':' || text[16] != ':')
    return std::nullopt;
  const auto year = number(text.substr(0, 4)), month = number(text.substr(5, 2)),
             day = number(text.substr(8, 2)), hour = number(text.substr(11, 2)),
             minute = number(text.substr(14, 2)), second = number(text.substr(17, 2));
  if (!year || !month || !day || !hour || !minute || !second)
    return std::nullopt;
  std::string_view rest = text.substr(19);
  if (rest.starts_with('.')) {
    const std::size_t digits = std::min(rest.size(), rest.find_first_not_of("0123456789", 1)) - 1;
    if (digits == 0)
      return std::nullopt;
    rest.remove_prefix(1 + digits);
  }
  const auto offset = offset_seconds(rest);
  std::tm fields{};
  fields.tm_year = *year - 1900;
  fields.tm_mon = *month - 1;
  fields.tm_mday = *day;
  fields.tm_hour = *hour;
  fields.tm_min = *minute;
  fields.tm_sec = *second;
  if (!offset || !plausible(fields))
    return std::nullopt;
  return from_utc(fields) - std::chrono::seconds(*offset);
}

std::optional<WallTime> parse_http_date(std::string_view text) {
  // Sun, 06 Nov 1994 08:49:37 GMT
  static constexpr std::array<std::string_view, 12> kMonths = {
      "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  if (text.size() != 29 || text.substr(3, 2) != ", " || text[7] != ' ' || text[11] != ' ' ||
      text[16] != ' ' || text[19] != ':' || text[22] != ':' || !text.ends_with(" GMT"))
    return std::nullopt;
  const auto day = number(text.substr(5, 2)), year = number(text.substr(12, 4)),
             hour = number(text.substr(17, 2)), minute = number(text.substr(20, 2)),
             second = number(text.substr(23, 2));
  std::tm fields{};
  fields.tm_mon = -1;
  for (std::size_t i = 0; i < kMonths.size(); ++i)
    if (text.substr(8, 3) == kMonths[i])
      fields.tm_mon = static_cast<int>(i);
  if (!day || !year || !hour || !minute || !second)
    return std::nullopt;
  fields.tm_mday = *day;
  fields.tm_year = *year - 1900;
  fields.tm_hour = *hour;
  fields.tm_min = *minute;
  fields.tm_sec = *second;
  if (!plausible(fields))
    return std::nullopt;
  return from_utc(fields);
}

}  // namespace ocisync
