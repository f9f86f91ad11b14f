#include "spec/problem.h"

#include <algorithm>
#include <optional>
#include <string_view>

#include <fmt/format.h>

#include "base/text.h"

namespace ocisync {
namespace {

constexpr std::size_t kMostShown = 100;
constexpr std::size_t kLineWidth = 160;
constexpr std::size_t kLead = 60;  // columns kept in front of the caret when a line is cut

// A line of a spec file as it is shown, with the byte the caret belongs under.
struct ShownLine {
  std::string text;
  std::size_t caret = 0;
};

std::optional<std::string_view> find_line(std::string_view text, int number) {
  for (int line = 1; line < number; ++line) {
    const std::size_t end = text.find('\n');
    if (end == std::string_view::npos)
      return std::nullopt;
    text.remove_prefix(end + 1);
  }
  std::string_view found = text.substr(0, text.find('\n'));
  if (found.ends_with('\r'))
    found.remove_suffix(1);
  return found;
}

// The last "@" that does not introduce a digest, which is what a password may stand in front of.
std::optional<std::size_t> end_of_userinfo(std::string_view line) {
  for (std::size_t at = line.rfind('@'); at != std::string_view::npos;
       at = at == 0 ? std::string_view::npos : line.rfind('@', at - 1)) {
    const std::string_view after = line.substr(at + 1);
    if (!after.starts_with("sha256:") && !after.starts_with("sha512:"))
      return at;
  }
  return std::nullopt;
}

// Where the value of a key that can only be a secret begins, such as a password that someone wrote
// into the file. The keys of the format (passwordFile, secretDir, tokenFile) are none of these.
std::optional<std::size_t> start_of_secret(std::string_view line) {
  const std::string plain = lower(line);
  for (const std::string_view key : {"password", "passwd", "token", "secret", "auth"}) {
    for (std::size_t at = plain.find(key); at != std::string::npos; at = plain.find(key, at + 1)) {
      const std::size_t colon = plain.find_first_not_of("\"' ", at + key.size());
      if (colon != std::string::npos && plain[colon] == ':')
        return colon + 1;
    }
  }
  return std::nullopt;
}

// Masks from the first value of the line: a password may hold any character, so nothing nearer to
// the "@" is a safe place to begin.
ShownLine masked(std::string_view line, std::size_t caret) {
  constexpr std::string_view kMask = "[redacted]";
  if (const auto secret = start_of_secret(line))
    return {fmt::format("{} {}", line.substr(0, *secret), kMask), std::min(caret, *secret + 1)};
  const auto end = end_of_userinfo(line);
  if (!end)
    return {std::string(line), caret};
  const std::size_t colon = line.find(": ");
  const std::size_t from = colon < *end ? colon + 2 : std::min(line.find_first_not_of(" -"), *end);
  ShownLine shown{fmt::format("{}{}{}", line.substr(0, from), kMask, line.substr(*end)), caret};
  if (caret > *end)
    shown.caret = caret - *end + from + kMask.size();
  else if (caret > from)
    shown.caret = from;
  return shown;
}

// Keeps a very long line to a window around its caret, cutting between characters.
void cut(ShownLine& line) {
  const auto inner = [&](std::size_t i) {
    return i < line.text.size() && (static_cast<unsigned char>(line.text[i]) & 0xC0U) == 0x80;
  };
  if (line.text.size() <= kLineWidth)
    return;
  std::size_t from = line.caret > kLead ? line.caret - kLead : 0;
  while (from > 0 && inner(from))
    --from;
  std::size_t end = std::min(from + kLineWidth, line.text.size());
  while (inner(end))
    ++end;
  line.text = line.text.substr(from, end - from);
  line.caret -= from;
}

std::size_t columns(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xC0U) != 0x80;
  }));
}

std::string quoted_line(std::string_view text, const Position& at) {
  const auto found = find_line(text, at.line);
  if (!found)
    return {};
  const std::size_t column = at.column > 0 ? static_cast<std::size_t>(at.column) - 1 : 0;
  ShownLine line = masked(*found, std::min(column, found->size()));
  cut(line);
  std::replace(line.text.begin(), line.text.end(), '\t', ' ');
  const std::string before = printable(std::string_view(line.text).substr(0, line.caret));
  const std::string after = printable(std::string_view(line.text).substr(line.caret));
  const std::string number = fmt::format("{}", at.line);
  return fmt::format("  {} | {}{}\n  {:{}} | {:{}}^\n", number, before, after, "", number.size(),
                     "", columns(before));
}

std::string_view name_of(const std::vector<SpecSource>& sources, const Position& at) {
  const auto file = static_cast<std::size_t>(at.file);
  return file < sources.size() ? std::string_view(sources[file].name) : "spec";
}

}  // namespace

std::string describe_position(const std::vector<SpecSource>& sources, const Position& at) {
  return fmt::format("{}:{}:{}", printable(name_of(sources, at)), at.line, at.column);
}

std::string describe_problems(const std::vector<SpecProblem>& problems,
                              const std::vector<SpecSource>& sources) {
  std::string text;
  for (std::size_t i = 0; i < std::min(problems.size(), kMostShown); ++i) {
    const auto& [at, path, message] = problems[i];
    text += fmt::format("{}: {}{}{}\n", describe_position(sources, at), path,
                        path.empty() ? "" : ": ", message);
    if (static_cast<std::size_t>(at.file) < sources.size())
      text += quoted_line(sources[static_cast<std::size_t>(at.file)].text, at);
  }
  if (problems.size() > kMostShown)
    text += fmt::format("and {} more\n", problems.size() - kMostShown);
  text += fmt::format("{} problem{}\n", problems.size(), problems.size() == 1 ? "" : "s");
  return text;
}

}  // namespace ocisync
