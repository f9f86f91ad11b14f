#include "chart/ignore_rules.h"

#include <algorithm>
#include <optional>

#include <fmt/format.h>

#include "base/error.h"
#include "base/text.h"
#include "chart/branch.h"

namespace ocisync {
namespace {

// The first character of a text that is not empty: a UTF-8 sequence, or a byte that begins none.
std::string_view first_character(std::string_view text) {
  return text.substr(0, std::max<std::size_t>(1, utf8_length(text)));
}

// Takes one character of a class, which "\" may precede. Absent: there is none to be had.
std::optional<std::string_view> take_bound(std::string_view& pattern) {
  if (pattern.empty() || pattern[0] == '-' || pattern[0] == ']')
    return std::nullopt;
  if (pattern[0] == '\\')
    pattern.remove_prefix(1);
  if (pattern.empty())
    return std::nullopt;
  const std::string_view bound = first_character(pattern);
  pattern.remove_prefix(bound.size());
  return bound;
}

// Takes a class, after its "[", off the pattern and tells whether it holds the character. Absent:
// it is malformed. UTF-8 sorts as the characters it encodes do.
std::optional<bool> take_class(std::string_view& pattern, std::string_view character) {
  const bool inverted = pattern.starts_with('^');
  pattern.remove_prefix(inverted ? 1 : 0);
  bool found = false;
  for (bool first = true; first || !pattern.starts_with(']'); first = false) {
    const auto low = take_bound(pattern);
    auto high = low;
    if (low && pattern.starts_with('-')) {
      pattern.remove_prefix(1);
      high = take_bound(pattern);
    }
    if (!high || pattern.empty())
      return std::nullopt;
    found = found || (*low <= character && character <= *high);
  }
  pattern.remove_prefix(1);
  return found != inverted;
}

// Takes what matches one character off a pattern that does not begin with "*".
std::optional<bool> take_one(std::string_view& pattern, std::string_view character) {
  const char kind = pattern[0];
  if (kind == '\\')
    pattern.remove_prefix(1);
  if (pattern.empty())
    return std::nullopt;
  if (kind == '[') {
    pattern.remove_prefix(1);
    const auto in_class = take_class(pattern, character);
    return in_class ? std::optional(*in_class && character != "/") : std::nullopt;
  }
  const std::string_view wanted = first_character(pattern);
  pattern.remove_prefix(wanted.size());
  return kind == '?' ? character != "/" : wanted == character;
}

}  // namespace

bool sound_glob(std::string_view pattern) {
  while (!pattern.empty()) {
    if (pattern[0] == '*')
      pattern.remove_prefix(1);
    else if (!take_one(pattern, "x"))
      return false;
  }
  return true;
}

// Two positions are enough: only the last "*" passed may have to take more.
bool glob_matches(std::string_view pattern, std::string_view text) {
  std::optional<std::string_view> star_pattern;
  std::string_view star_text;
  while (true) {
    if (pattern.starts_with('*')) {
      pattern.remove_prefix(1);
      star_pattern = pattern;
      star_text = text;
      continue;
    }
    if (pattern.empty() && text.empty())
      return true;
    if (!pattern.empty() && !text.empty()) {
      const std::string_view character = first_character(text);
      if (take_one(pattern, character).value_or(false)) {
        text.remove_prefix(character.size());
        continue;
      }
    }
    if (!star_pattern || star_text.empty() || star_text[0] == '/')
      return false;
    star_text.remove_prefix(first_character(star_text).size());
    pattern = *star_pattern;
    text = star_text;
  }
}

IgnoreRules IgnoreRules::parse(std::string_view text) {
  constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
  if (text.starts_with(kByteOrderMark))
    text.remove_prefix(kByteOrderMark.size());
  IgnoreRules rules;
  std::size_t number = 0;
  for (const std::string_view line : split(text, '\n'))
    during([&] { return fmt::format("reading .helmignore, line {}", number); },
           [&] {
             ++number;
             rules.add(trim(line));
           });
  rules.add("templates/.?*");
  return rules;
}

void IgnoreRules::add(std::string_view line) {
  if (line.empty() || line[0] == '#')
    return;
  const auto refuse = [&](std::string_view why) {
    throw Error(Reason::chart_invalid, fmt::format("\"{}\" {}", printable(line, 100), why));
  };
  if (line.find("**") != std::string_view::npos)
    refuse("holds **, which Helm does not know");
  if (!sound_glob(line))
    refuse("is no pattern");
  Rule rule;
  rule.inverted = line.starts_with('!');
  line.remove_prefix(rule.inverted ? 1 : 0);
  rule.directories_only = line.ends_with('/');
  line.remove_suffix(rule.directories_only ? 1 : 0);
  rule.whole_path = line.find('/') != std::string_view::npos;
  line.remove_prefix(line.starts_with('/') ? 1 : 0);
  rule.pattern = line;
  rules_.push_back(std::move(rule));
}

bool IgnoreRules::Rule::matches(std::string_view path) const {
  return glob_matches(pattern, whole_path ? path : last_of(path));
}

bool IgnoreRules::ignores(std::string_view path, bool is_directory) const {
  return std::any_of(rules_.begin(), rules_.end(), [&](const Rule& rule) {
    if (rule.inverted)
      return (rule.directories_only && !is_directory) || !rule.matches(path);
    return (!rule.directories_only || is_directory) && rule.matches(path);
  });
}

}  // namespace ocisync
