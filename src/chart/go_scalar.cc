#include "chart/go_scalar.h"

#include <array>
#include <charconv>
#include <cmath>
#include <limits>
#include <optional>
#include <string_view>

#include <fmt/format.h>

namespace ocisync {
namespace {

// Words come in lower case, Capitalised and UPPER CASE; no other mixture means anything.
bool spells(std::string_view text, std::string_view lower) {
  const auto upper = [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c; };
  if (text.size() != lower.size())
    return false;
  const auto same_from = [&](std::size_t first, bool in_upper) {
    for (std::size_t i = first; i < text.size(); ++i)
      if (text[i] != (in_upper ? upper(lower[i]) : lower[i]))
        return false;
    return true;
  };
  return same_from(0, false) || same_from(0, true) ||
         (text[0] == upper(lower[0]) && same_from(1, false));
}

std::optional<GoScalar> known_word(std::string_view text) {
  for (const std::string_view yes : {"y", "yes", "true", "on"})
    if (spells(text, yes))
      return true;
  for (const std::string_view no : {"n", "no", "false", "off"})
    if (spells(text, no))
      return false;
  if (text.empty() || text == "~" || spells(text, "null"))
    return GoScalar{};
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  for (const std::string_view infinite : {".inf", ".Inf", ".INF"}) {
    if (text == infinite || (text[0] == '+' && text.substr(1) == infinite))
      return kInfinity;
    if (text[0] == '-' && text.substr(1) == infinite)
      return -kInfinity;
  }
  if (text == ".nan" || text == ".NaN" || text == ".NAN")
    return std::numeric_limits<double>::quiet_NaN();
  return std::nullopt;
}

// The base that a prefix announces; the prefix is taken off.
int take_base(std::string_view& digits) {
  if (digits.size() < 2 || digits[0] != '0')
    return 10;
  const char letter = digits[1];
  const int base = letter == 'x' || letter == 'X'   ? 16
                   : letter == 'o' || letter == 'O' ? 8
                   : letter == 'b' || letter == 'B' ? 2
                                                    : 0;
  digits.remove_prefix(base == 0 ? 1 : 2);
  return base == 0 ? 8 : base;
}

std::optional<GoScalar> integer(std::string_view text) {
  const bool negative = text.starts_with('-');
  if (negative || text.starts_with('+'))
    text.remove_prefix(1);
  const int base = take_base(text);
  std::uint64_t magnitude = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, code] = std::from_chars(text.data(), end, magnitude, base);
  if (text.empty() || stop != end || code != std::errc{})
    return std::nullopt;
  constexpr std::uint64_t kLargest = std::numeric_limits<std::int64_t>::max();
  if (negative && magnitude <= kLargest + 1)
    return static_cast<std::int64_t>(0 - magnitude);
  if (negative)
    return std::nullopt;
  if (magnitude <= kLargest)
    return static_cast<std::int64_t>(magnitude);
  return magnitude;
}

std::optional<GoScalar> real(std::string_view text) {
  if (text.starts_with('+') && !text.starts_with("+-"))
    text.remove_prefix(1);
  const bool number_like = text.find_first_not_of("0123456789.eE+-") == std::string_view::npos;
  double value = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, code] = std::from_chars(text.data(), end, value);
  if (!number_like || stop != end || code != std::errc{})
    return std::nullopt;
  return value;
}

// Go's shortest form: an exponent below 1e-04 and from 1e+06 on.
std::string float_text(double value) {
  if (std::isnan(value))
    return "NaN";
  if (std::isinf(value))
    return value > 0 ? "+Inf" : "-Inf";
  std::array<char, 64> buffer{};
  char* const last = buffer.data() + buffer.size();
  char* stop = std::to_chars(buffer.data(), last, value, std::chars_format::scientific).ptr;
  const std::string_view scientific(buffer.data(), static_cast<std::size_t>(stop - buffer.data()));
  const std::string_view power = scientific.substr(scientific.find('e') + 1);  // "-05", "+06"
  int exponent = 0;
  std::from_chars(power.data() + 1, power.data() + power.size(), exponent);
  if (power[0] == '-' ? exponent > 4 : exponent >= 6)
    return std::string(scientific);
  stop = std::to_chars(buffer.data(), last, value, std::chars_format::fixed).ptr;
  return {buffer.data(), stop};
}

}  // namespace

GoScalar go_scalar(const YamlValue& value) {
  if (value.is_null())
    return {};
  if (value.quoted)
    return value.text;
  if (auto word = known_word(value.text))
    return *std::move(word);
  const char first = value.text[0];
  if (first == '.')
    return real(value.text).value_or(value.text);
  if (first != '+' && first != '-' && (first < '0' || first > '9'))
    return value.text;
  std::string digits = value.text;
  std::erase(digits, '_');
  if (auto number = integer(digits))
    return *std::move(number);
  return real(digits).value_or(value.text);
}

std::string go_text(const GoScalar& scalar) {
  struct Spell {
    std::string operator()(std::monostate) const { return {}; }

    std::string operator()(bool value) const { return value ? "true" : "false"; }

    std::string operator()(std::int64_t value) const { return fmt::format("{}", value); }

    std::string operator()(std::uint64_t value) const { return fmt::format("{}", value); }

    std::string operator()(double value) const { return float_text(value); }

    std::string operator()(const std::string& value) const { return value; }
  };

  return std::visit(Spell{}, scalar);
}

}  // namespace ocisync
