#include "export/tree_record.h"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>

#include "base/error.h"
#include "base/escape.h"
#include "base/text.h"
#include "export/tree_name.h"

namespace ocisync {
namespace {

constexpr std::string_view kTitle = "ocisync tree 1";
constexpr std::string_view kEnd = "end";
constexpr std::string_view kLineBreaks = "\r\n";

// Cuts `text` at the first separator and returns what was before it; absent when there is none.
std::optional<std::string_view> cut(std::string_view& text, char separator) {
  const auto at = text.find(separator);
  if (at == std::string_view::npos)
    return std::nullopt;
  const std::string_view head = text.substr(0, at);
  text.remove_prefix(at + 1);
  return head;
}

template <typename Number>
std::optional<Number> cut_number(std::string_view& text) {
  const auto word = cut(text, ' ');
  Number value = 0;
  if (!word || word->empty())
    return std::nullopt;
  const auto [end, error] = std::from_chars(word->data(), word->data() + word->size(), value);
  if (error != std::errc{} || end != word->data() + word->size())
    return std::nullopt;
  return value;
}

// The rest of a line "<key> <value>".
std::optional<std::string> cut_value(std::string_view& text, std::string_view key) {
  auto line = cut(text, '\n');
  if (!line || cut(*line, ' ') != key)
    return std::nullopt;
  return unescape(*line);
}

std::string line_of(const TreeEntry& entry) {
  const std::string path = escape(entry.path, kLineBreaks);
  if (entry.directory)
    return fmt::format("d {} {}\n", entry.mtime_ns, path);
  if (!entry.digest)
    throw Error(Reason::internal, "a tree entry has no digest: " + printable(entry.path));
  return fmt::format("f {} {} {} {}\n", entry.mtime_ns, entry.size, entry.digest->str(), path);
}

// "d <mtime> <path>" or "f <mtime> <size> <digest> <path>".
std::optional<TreeEntry> parse_entry(std::string_view line) {
  TreeEntry entry;
  const auto kind = cut(line, ' ');
  const auto mtime = cut_number<std::int64_t>(line);
  if (!mtime || (kind != "d" && kind != "f"))
    return std::nullopt;
  entry.directory = kind == "d";
  entry.mtime_ns = *mtime;
  if (!entry.directory) {
    const auto size = cut_number<std::uint64_t>(line);
    const auto digest = cut(line, ' ');
    if (size && digest)
      entry.digest = Digest::try_parse(*digest);
    if (!entry.digest)
      return std::nullopt;
    entry.size = *size;
  }
  auto path = unescape(line);
  if (!path || (*path != "." && !stays_inside(*path)))
    return std::nullopt;
  entry.path = std::move(*path);
  return entry;
}

}  // namespace

std::string to_text(const TreeRecord& record) {
  std::string text = fmt::format("{}\nchart {}\nversion {}\nassembled {}\n", kTitle,
                                 escape(record.chart_name, kLineBreaks),
                                 escape(record.chart_version, kLineBreaks), record.assembled);
  for (const TreeEntry& entry : record.entries)
    text += line_of(entry);
  return text.append(kEnd) + "\n";
}

std::optional<TreeRecord> parse_tree_record(std::string_view text) {
  if (cut(text, '\n') != kTitle)
    return std::nullopt;
  TreeRecord record;
  auto name = cut_value(text, "chart"), version = cut_value(text, "version"),
       assembled = cut_value(text, "assembled");
  if (!name || !version || (assembled != "true" && assembled != "false"))
    return std::nullopt;
  record.chart_name = std::move(*name);
  record.chart_version = std::move(*version);
  record.assembled = assembled == "true";
  while (const auto line = cut(text, '\n')) {
    if (*line == kEnd)
      return text.empty() && !record.entries.empty() ? std::optional(std::move(record))
                                                     : std::nullopt;
    auto entry = parse_entry(*line);
    if (!entry)
      return std::nullopt;
    record.entries.push_back(std::move(*entry));
  }
  return std::nullopt;
}

}  // namespace ocisync
