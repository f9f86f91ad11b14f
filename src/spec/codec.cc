#include "spec/codec.h"

#include <algorithm>
#include <charconv>
#include <memory>
#include <regex>

#include <fmt/format.h>

#include "base/text.h"
#include "spec/quantity.h"

namespace ocisync {
namespace {

constexpr Duration kMostDuration = std::chrono::hours(10 * 365 * 24);

std::optional<std::uint64_t> whole_number(std::string_view text) {
  std::uint64_t value = 0;
  const char* const end = text.data() + text.size();
  const auto [stopped, error] = std::from_chars(text.data(), end, value);
  if (text.empty() || error != std::errc() || stopped != end)
    return std::nullopt;
  return value;
}

// A codec whose values are made of one scalar by `convert`.
template <typename T, typename Convert, typename Show>
Codec<T> scalar_codec(Shape shape, Convert convert, Show show) {
  const auto parse = [shape, convert](Reading& reading,
                                      const YamlValue& value) -> std::optional<T> {
    const auto scalar = reading.scalar(value, shape);
    if (!scalar)
      return std::nullopt;
    std::optional<T> converted = convert(*scalar);
    if (!converted)
      reading.refuse(*scalar, shape);
    return converted;
  };
  return {shape, parse, show};
}

Json text_or_nothing(const std::string& text) { return text.empty() ? Json() : Json(text); }

Shape text_shape(std::string noun, std::string allowed, std::string pattern) {
  Shape shape;
  shape.noun = std::move(noun);
  shape.allowed = std::move(allowed);
  shape.pattern = std::move(pattern);
  return shape;
}

std::string spell(const Json& choice) {
  const std::string* text = choice.string();
  return text != nullptr ? *text : choice.dump();
}

std::vector<std::string> spell_supported(const Shape& shape) {
  std::vector<std::string> names;
  for (const Choice& choice : shape.choices)
    if (!choice.not_yet)
      names.push_back(spell(choice.value));
  return names;
}

std::string suggestion(std::string_view written, const std::vector<std::string>& names) {
  const std::vector<std::string_view> candidates(names.begin(), names.end());
  const auto near = nearest(written, candidates);
  return near && names.size() > 1 ? fmt::format("; did you mean {}?", *near) : "";
}

}  // namespace

Codec<std::string> any_text(std::string noun, std::string allowed) {
  return scalar_codec<std::string>(
      text_shape(std::move(noun), std::move(allowed), ""),
      [](const Scalar& scalar) { return std::optional(scalar.text); }, text_or_nothing);
}

Codec<std::string> text(TextRule rule) {
  // Compiled when it is first needed: most specs use few of the fields.
  const auto expression = std::make_shared<std::optional<std::regex>>();
  Shape shape = text_shape(std::move(rule.noun), std::move(rule.allowed), std::move(rule.pattern));
  shape.most_bytes = rule.most_bytes;
  const auto convert = [expression, pattern = shape.pattern,
                        most = shape.most_bytes](const Scalar& scalar) {
    if (!*expression)
      expression->emplace(pattern);
    // The bound comes first: matching recurses once for each byte.
    const bool matches = scalar.text.size() <= most && std::regex_match(scalar.text, **expression);
    return matches ? std::optional(scalar.text) : std::nullopt;
  };
  return scalar_codec<std::string>(std::move(shape), convert, text_or_nothing);
}

Codec<bool> flag() {
  Shape shape;
  shape.kind = ValueKind::flag;
  shape.noun = "a boolean";
  shape.allowed = "true or false, without quotes";
  const auto convert = [](const Scalar& scalar) -> std::optional<bool> {
    const std::string& text = scalar.text;
    if (!scalar.is_text && (text == "true" || text == "True" || text == "TRUE"))
      return true;
    if (!scalar.is_text && (text == "false" || text == "False" || text == "FALSE"))
      return false;
    return std::nullopt;
  };
  return scalar_codec<bool>(std::move(shape), convert,
                            [](const bool& value) { return Json(value); });
}

Codec<std::uint64_t> count(std::uint64_t least, std::uint64_t most) {
  Shape shape;
  shape.kind = ValueKind::count;
  shape.noun = "a count";
  shape.allowed = fmt::format("a whole number from {} to {}, without quotes", least, most);
  shape.least = least;
  shape.most = most;
  const auto convert = [least, most](const Scalar& scalar) {
    const auto value = whole_number(scalar.text);
    const bool fits = !scalar.is_text && value && *value >= least && *value <= most;
    return fits ? value : std::nullopt;
  };
  return scalar_codec<std::uint64_t>(std::move(shape), convert,
                                     [](const std::uint64_t& value) { return Json(value); });
}

Codec<std::uint64_t> percent() {
  const auto convert = [](const Scalar& scalar) -> std::optional<std::uint64_t> {
    if (!scalar.text.ends_with('%'))
      return std::nullopt;
    const auto value = whole_number(scalar.text.substr(0, scalar.text.size() - 1));
    return value && *value <= 100 ? value : std::nullopt;
  };
  return scalar_codec<std::uint64_t>(
      text_shape("a percentage", "from 0% to 100%, such as 10%", "0*(100|[0-9]{1,2})%"), convert,
      [](const std::uint64_t& value) { return Json(fmt::format("{}%", value)); });
}

Codec<std::uint64_t> size(std::uint64_t least) {
  Shape shape = text_shape(
      "a size", fmt::format("such as 64Mi, 5Gi or 1000 (bytes){}", least > 0 ? ", above 0" : ""),
      "\\+?([0-9]+(\\.[0-9]*)?|\\.[0-9]+)([KMGTPE]i|[numkMGTPE]|[eE][+-]?[0-9]{1,3})?");
  shape.number_too = true;
  const auto convert = [least](const Scalar& scalar) {
    const auto bytes = parse_size(scalar.text);
    return bytes && *bytes >= least ? bytes : std::nullopt;
  };
  return scalar_codec<std::uint64_t>(std::move(shape), convert, [](const std::uint64_t& value) {
    return Json(format_size(value));
  });
}

Codec<Duration> duration(Duration least) {
  const std::string bound =
      least > Duration{0} ? fmt::format(", at least {}", format_duration(least)) : "";
  Shape shape = text_shape("a duration", fmt::format("such as 30s or 1h30m{}", bound),
                           "\\+?(0|(([0-9]+(\\.[0-9]*)?|\\.[0-9]+)(ns|us|µs|μs|ms|s|m|h))+)");
  shape.number_too = least == Duration{0};  // a bare 0
  const auto convert = [least](const Scalar& scalar) {
    const auto value = parse_duration(scalar.text);
    return value && *value >= least && *value <= kMostDuration ? value : std::nullopt;
  };
  return scalar_codec<Duration>(std::move(shape), convert,
                                [](const Duration& value) { return Json(format_duration(value)); });
}

Codec<std::filesystem::path> file() {
  Shape shape = text_shape("a file path", "", "");
  shape.path = true;
  const auto parse = [shape](Reading& reading,
                             const YamlValue& value) -> std::optional<std::filesystem::path> {
    const auto scalar = reading.scalar(value, shape);
    if (!scalar)
      return std::nullopt;
    const auto control = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; };
    if (std::any_of(scalar->text.begin(), scalar->text.end(), control)) {
      reading.complain(scalar->at, "holds a control character, which no path here needs");
      return std::nullopt;
    }
    return reading.resolve(scalar->text, scalar->at);
  };
  const auto show = [](const std::filesystem::path& path) {
    return text_or_nothing(path.native());
  };
  return {shape, parse, show};
}

Codec<std::string> environment_name() {
  return text({"the name of an environment variable", "letters, digits and _, not first a digit",
               "[A-Za-z_][A-Za-z0-9_]*"});
}

Shape choice_shape(std::string noun, std::vector<Choice> choices) {
  Shape shape;
  shape.kind = ValueKind::choice;
  shape.noun = std::move(noun);
  shape.choices = std::move(choices);
  shape.allowed = fmt::format("{}", fmt::join(spell_supported(shape), ", "));
  return shape;
}

std::optional<std::size_t> parse_choice(Reading& reading, const YamlValue& value,
                                        const Shape& shape) {
  const auto scalar = reading.scalar(value, shape);
  if (!scalar)
    return std::nullopt;
  for (std::size_t i = 0; i < shape.choices.size(); ++i) {
    if (spell(shape.choices[i].value) != scalar->text)
      continue;
    if (!shape.choices[i].not_yet)
      return i;
    reading.complain(scalar->at,
                     fmt::format("{} is not supported yet ({})", scalar->text, shape.allowed));
    return std::nullopt;
  }
  reading.complain(scalar->at,
                   fmt::format("{} is not {} ({}{})", quote_value(scalar->written), shape.noun,
                               shape.allowed, suggestion(scalar->text, spell_supported(shape))));
  return std::nullopt;
}

Shape list_shape(Shape item) {
  Shape shape;
  shape.kind = ValueKind::list;
  shape.noun = "a list";
  shape.item.push_back(std::move(item));
  return shape;
}

bool is_list(Reading& reading, const YamlValue& value) {
  if (!value.is_sequence())
    reading.complain(value.at, "is not a list (entries begin with \"- \"; [] is none)");
  return value.is_sequence();
}

}  // namespace ocisync
