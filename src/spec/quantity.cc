#include "spec/quantity.h"

#include <algorithm>
#include <array>
#include <limits>
#include <utility>

#include <fmt/format.h>

namespace ocisync {
namespace {

constexpr std::uint64_t kMost = std::numeric_limits<std::int64_t>::max();

// Absent once a result would pass 2^63-1; so is the sum below.
std::optional<std::uint64_t> times(std::uint64_t a, std::uint64_t b) {
  if (b != 0 && a > kMost / b)
    return std::nullopt;
  return a * b;
}

std::optional<std::uint64_t> plus(std::uint64_t a, std::uint64_t b) {
  if (a > kMost - b)
    return std::nullopt;
  return a + b;
}

std::string_view take_digits(std::string_view& text) {
  const std::size_t end = std::min(text.find_first_not_of("0123456789"), text.size());
  const std::string_view digits = text.substr(0, end);
  text.remove_prefix(end);
  return digits;
}

std::optional<std::uint64_t> number(std::string_view digits) {
  std::uint64_t value = 0;
  for (const char c : digits) {
    const auto grown = times(value, 10);
    const auto next = grown ? plus(*grown, static_cast<std::uint64_t>(c - '0')) : std::nullopt;
    if (!next)
      return std::nullopt;
    value = *next;
  }
  return value;
}

// "12.50" at the front of a text: its digits before and after the point.
struct Decimal {
  std::string_view whole;
  std::string_view fraction;
};

std::optional<Decimal> take_decimal(std::string_view& text) {
  Decimal decimal{take_digits(text), {}};
  if (text.starts_with('.')) {
    text.remove_prefix(1);
    decimal.fraction = take_digits(text);
  }
  if (decimal.whole.empty() && decimal.fraction.empty())
    return std::nullopt;
  return decimal;
}

constexpr std::uint64_t kMillisecond = 1'000'000;

// Nanoseconds of each unit, the longer spelling before its own prefix.
constexpr auto kTimeUnits = std::to_array<std::pair<std::string_view, std::uint64_t>>({
    {"ns", 1},
    {"us", 1'000},
    {"µs", 1'000},  // U+00B5, the micro sign
    {"μs", 1'000},  // U+03BC, the Greek letter
    {"ms", kMillisecond},
    {"s", 1'000 * kMillisecond},
    {"m", 60'000 * kMillisecond},
    {"h", 3'600'000 * kMillisecond},
});

std::optional<std::uint64_t> take_time_unit(std::string_view& text) {
  for (const auto& [name, nanoseconds] : kTimeUnits) {
    if (!text.starts_with(name))
      continue;
    text.remove_prefix(name.size());
    return nanoseconds;
  }
  return std::nullopt;
}

// What the digits behind the point add; what is finer than a nanosecond is dropped.
std::uint64_t fraction_of(std::uint64_t unit, std::string_view digits) {
  double value = 0, scale = 1;
  for (const char c : digits.substr(0, 13)) {
    value = value * 10 + (c - '0');
    scale *= 10;
  }
  return static_cast<std::uint64_t>(value * static_cast<double>(unit) / scale);
}

// A size as mantissa × 10^tens × 2^twos.
struct Scaled {
  std::uint64_t mantissa = 0;
  int tens = 0;
  int twos = 0;
};

struct SizeUnit {
  std::string_view name;
  int tens;
  int twos;
};

constexpr auto kSizeUnits = std::to_array<SizeUnit>({
    {"Ki", 0, 10},
    {"Mi", 0, 20},
    {"Gi", 0, 30},
    {"Ti", 0, 40},
    {"Pi", 0, 50},
    {"Ei", 0, 60},
    {"n", -9, 0},
    {"u", -6, 0},
    {"m", -3, 0},
    {"", 0, 0},
    {"k", 3, 0},
    {"M", 6, 0},
    {"G", 9, 0},
    {"T", 12, 0},
    {"P", 15, 0},
    {"E", 18, 0},
});

bool scale_by_suffix(Scaled& size, std::string_view suffix) {
  for (const SizeUnit& unit : kSizeUnits) {
    if (suffix != unit.name)
      continue;
    size.tens += unit.tens;
    size.twos += unit.twos;
    return true;
  }
  if (!suffix.starts_with('e') && !suffix.starts_with('E'))
    return false;
  suffix.remove_prefix(1);
  const bool negative = suffix.starts_with('-');
  if (negative || suffix.starts_with('+'))
    suffix.remove_prefix(1);
  const std::string_view digits = take_digits(suffix);
  if (digits.empty() || digits.size() > 3 || !suffix.empty())
    return false;
  const int exponent = static_cast<int>(number(digits).value_or(0));
  size.tens += negative ? -exponent : exponent;
  return true;
}

// Absent when a fraction of a byte would remain.
std::optional<std::uint64_t> whole_bytes(Scaled size) {
  if (size.mantissa == 0)
    return 0;
  for (; size.tens < 0; ++size.tens) {
    if (size.mantissa % 10 == 0) {
      size.mantissa /= 10;
    } else if (size.mantissa % 5 == 0 && size.twos > 0) {
      size.mantissa /= 5;
      --size.twos;
    } else {
      return std::nullopt;
    }
  }
  std::optional<std::uint64_t> bytes = size.mantissa;
  for (; bytes && size.tens > 0; --size.tens)
    bytes = times(*bytes, 10);
  for (; bytes && size.twos > 0; --size.twos)
    bytes = times(*bytes, 2);
  return bytes;
}

}  // namespace

std::optional<Duration> parse_duration(std::string_view text) {
  if (text.starts_with('+'))
    text.remove_prefix(1);
  if (text == "0")
    return Duration{0};
  if (text.empty())
    return std::nullopt;
  std::uint64_t total = 0;
  while (!text.empty()) {
    const auto decimal = take_decimal(text);
    const auto unit = decimal ? take_time_unit(text) : std::nullopt;
    const auto whole = unit ? number(decimal->whole) : std::nullopt;
    const auto scaled = whole ? times(*whole, *unit) : std::nullopt;
    const auto part = scaled ? plus(*scaled, fraction_of(*unit, decimal->fraction)) : std::nullopt;
    const auto sum = part ? plus(total, *part) : std::nullopt;
    if (!sum)
      return std::nullopt;
    total = *sum;
  }
  const std::uint64_t rounded_up = total / kMillisecond + (total % kMillisecond == 0 ? 0 : 1);
  return Duration{static_cast<Duration::rep>(rounded_up)};
}

std::string format_duration(Duration duration) {
  const auto total = duration.count();
  if (total == 0)
    return "0s";
  if (total < 1000)
    return fmt::format("{}ms", total);
  const auto hours = total / 3'600'000, minutes = total / 60'000 % 60;
  const auto seconds = total / 1000 % 60, milliseconds = total % 1000;
  std::string text;
  if (hours > 0)
    text += fmt::format("{}h", hours);
  if (minutes > 0)
    text += fmt::format("{}m", minutes);
  if (milliseconds > 0) {
    std::string fraction = fmt::format("{:03}", milliseconds);
    fraction.erase(fraction.find_last_not_of('0') + 1);
    text += fmt::format("{}.{}s", seconds, fraction);
  } else if (seconds > 0) {
    text += fmt::format("{}s", seconds);
  }
  return text;
}

std::optional<std::uint64_t> parse_size(std::string_view text) {
  if (text.starts_with('+'))
    text.remove_prefix(1);
  const auto decimal = take_decimal(text);
  if (!decimal)
    return std::nullopt;
  std::string_view fraction = decimal->fraction;
  while (fraction.ends_with('0'))
    fraction.remove_suffix(1);
  const auto mantissa = number(fmt::format("{}{}", decimal->whole, fraction));
  if (!mantissa)
    return std::nullopt;
  Scaled size{*mantissa, -static_cast<int>(fraction.size()), 0};
  if (!scale_by_suffix(size, text))
    return std::nullopt;
  return whole_bytes(size);
}

std::string format_size(std::uint64_t bytes) {
  constexpr std::array<std::string_view, 6> kUnits = {"Ei", "Pi", "Ti", "Gi", "Mi", "Ki"};
  for (std::size_t i = 0; i < kUnits.size(); ++i) {
    const std::uint64_t unit = 1ULL << (10 * (kUnits.size() - i));
    if (bytes != 0 && bytes % unit == 0)
      return fmt::format("{}{}", bytes / unit, kUnits[i]);
  }
  return fmt::format("{}", bytes);
}

}  // namespace ocisync
