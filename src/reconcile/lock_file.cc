#include "reconcile/lock_file.h"

#include <algorithm>
#include <charconv>
#include <functional>

#include <fmt/format.h>

#include "base/document.h"
#include "base/error.h"
#include "base/files.h"
#include "base/text.h"
#include "base/yaml.h"

namespace ocisync {
namespace {

constexpr std::uint64_t kLockFileLimit = 16ULL << 20;
constexpr std::size_t kLongestText = 4096;
constexpr std::string_view kKind = "ChartLock";
constexpr std::string_view kHeader =
    "# Written by `ocisync lock`: what each chart of the spec stood for then. Not edited by "
    "hand.\n";

bool by_name(const LockedChart& chart, std::string_view name) { return chart.name < name; }

// One reading of one lock file. Everything throws at the first thing that is wrong.
class LockReader {
 public:
  explicit LockReader(std::string_view file) : file_(printable(file, 1024)) {}

  LockFile read(std::string_view text) {
    require_lines_of_ours(text);
    const YamlValue document = parse(text);
    require_keys(document, "", {"apiVersion", "kind", "charts"});
    require_word(document, "apiVersion", kApiVersion);
    require_word(document, "kind", kKind);
    const YamlValue& charts = member(document, "", "charts");
    if (!charts.is_sequence())
      refuse(charts.at, "charts: must be a list");
    LockFile lock;
    for (std::size_t i = 0; i < charts.items.size(); ++i)
      add_chart(lock, charts.items[i], fmt::format("charts[{}].", i));
    return lock;
  }

 private:
  [[noreturn]] void refuse(const Position& at, std::string_view what) const {
    throw Error(Reason::spec_invalid, fmt::format("{}:{}:{}: {}", file_, at.line, at.column, what))
        .hint("write it again with ocisync lock");
  }

  // What version control does to files, said in its own words.
  void require_lines_of_ours(std::string_view text) const {
    Position at{1, 1, 0};
    for (std::string_view line : split(text, '\n')) {
      if (line.ends_with('\r'))
        refuse(at, "the line ends in a carriage return: something turned line ends into CRLF");
      for (const std::string_view marker : {"<<<<<<< ", "=======", ">>>>>>> ", "||||||| "})
        if (line.starts_with(marker))
          refuse(at, "a merge conflict is not resolved here");
      ++at.line;
    }
  }

  YamlValue parse(std::string_view text) const {
    YamlOptions options;
    options.merge_keys = false;
    options.depth = 8;
    options.alias_nodes = 0;
    std::vector<YamlProblem> problems;
    YamlValue document = parse_yaml(text, options, problems);
    if (!problems.empty())
      refuse(problems.front().at, problems.front().message);
    if (!document.is_map())
      refuse({1, 1, 0}, "this is not a lock file");
    return document;
  }

  void require_keys(const YamlValue& map, std::string_view where,
                    std::initializer_list<std::string_view> known) const {
    if (!map.is_map())
      refuse(map.at, fmt::format("{}must be a map", where));
    for (const YamlValue::Entry& entry : map.entries)
      if (std::find(known.begin(), known.end(), entry.key) == known.end())
        refuse(entry.key_at,
               fmt::format("{}{}: is not a field of a lock file", where, printable(entry.key, 80)));
  }

  const YamlValue& member(const YamlValue& map, std::string_view where,
                          std::string_view key) const {
    const YamlValue* value = map.find(key);
    if (!value)
      refuse(map.at, fmt::format("{}{}: is missing", where, key));
    return *value;
  }

  std::string text(const YamlValue& map, std::string_view where, std::string_view key) const {
    const YamlValue& value = member(map, where, key);
    if (!value.is_scalar() || value.text.empty() || value.text.size() > kLongestText)
      refuse(value.at,
             fmt::format("{}{}: must be a text of 1 to {} bytes", where, key, kLongestText));
    return value.text;
  }

  std::string optional_text(const YamlValue& map, std::string_view where,
                            std::string_view key) const {
    return map.find(key) ? text(map, where, key) : std::string();
  }

  void require_word(const YamlValue& map, std::string_view key, std::string_view word) const {
    const std::string found = text(map, "", key);
    if (found != word)
      refuse(map.find(key)->at,
             fmt::format("{}: is {}, this version reads {}", key, printable(found, 80), word));
  }

  Digest digest(const YamlValue& map, std::string_view where, std::string_view key) const {
    const std::string value = text(map, where, key);
    if (const auto digest = Digest::try_parse(value))
      return *digest;
    refuse(map.find(key)->at,
           fmt::format("{}{}: {} is not a digest", where, key, printable(value, 80)));
  }

  std::uint64_t size(const YamlValue& map, std::string_view where) const {
    const std::string value = text(map, where, "size");
    std::uint64_t number = 0;
    const auto [end, code] = std::from_chars(value.data(), value.data() + value.size(), number);
    if (code != std::errc() || end != value.data() + value.size())
      refuse(map.find("size")->at,
             fmt::format("{}size: {} is not a number of bytes", where, printable(value, 80)));
    return number;
  }

  void add_chart(LockFile& lock, const YamlValue& map, const std::string& where) const {
    require_keys(map, where, {"name", "ref", "version", "tag", "digest", "content", "chart"});
    const YamlValue& content = member(map, where, "content");
    require_keys(content, where + "content.", {"digest", "size"});
    const YamlValue& chart = member(map, where, "chart");
    require_keys(chart, where + "chart.", {"name", "version"});
    LockedChart locked{.name = text(map, where, "name"),
                       .reference = text(map, where, "ref"),
                       .version = optional_text(map, where, "version"),
                       .tag = optional_text(map, where, "tag"),
                       .manifest = digest(map, where, "digest"),
                       .content = digest(content, where + "content.", "digest"),
                       .content_size = size(content, where + "content."),
                       .chart_name = text(chart, where + "chart.", "name"),
                       .chart_version = text(chart, where + "chart.", "version")};
    if (!locked.tag.empty() && !valid_tag(locked.tag))
      refuse(map.find("tag")->at,
             fmt::format("{}tag: {} is not a tag", where, printable(locked.tag, 80)));
    if (lock.find(locked.name))
      refuse(map.find("name")->at,
             fmt::format("{}name: {} is locked twice", where, printable(locked.name, 80)));
    lock.set(std::move(locked));
  }

  std::string file_;
};

// "web: digest sha256:… became sha256:…", for what differs.
void compare(const LockedChart& before, const LockedChart& now, std::vector<std::string>& lines) {
  const auto say = [&](std::string_view what, std::string_view old, std::string_view fresh) {
    const auto shown = [](std::string_view text) {
      return text.empty() ? std::string("nothing") : printable(text);
    };
    if (old != fresh)
      lines.push_back(
          fmt::format("{}: {} {} is now {}", printable(now.name), what, shown(old), shown(fresh)));
  };
  say("ref", before.reference, now.reference);
  say("version", before.version, now.version);
  say("tag", before.tag, now.tag);
  say("digest", before.manifest.str(), now.manifest.str());
  say("content digest", before.content.str(), now.content.str());
  say("content size", std::to_string(before.content_size), std::to_string(now.content_size));
  say("chart name", before.chart_name, now.chart_name);
  say("chart version", before.chart_version, now.chart_version);
}

std::string as_written(std::string_view reference, std::string_view version) {
  return version.empty() ? printable(reference)
                         : fmt::format("{} {}", printable(reference), printable(version));
}

}  // namespace

const LockedChart* LockFile::find(std::string_view name) const {
  const auto found = std::lower_bound(charts.begin(), charts.end(), name, by_name);
  return found != charts.end() && found->name == name ? &*found : nullptr;
}

void LockFile::set(LockedChart chart) {
  const auto place = std::lower_bound(charts.begin(), charts.end(), chart.name, by_name);
  if (place != charts.end() && place->name == chart.name)
    *place = std::move(chart);
  else
    charts.insert(place, std::move(chart));
}

std::string to_text(const LockFile& lock) {
  std::string text(kHeader);
  text += fmt::format("apiVersion: {}\nkind: {}\ncharts:{}\n", kApiVersion, kKind,
                      lock.charts.empty() ? " []" : "");
  for (const LockedChart& chart : lock.charts) {
    text += fmt::format("  - name: {}\n    ref: {}\n", yaml_quote(chart.name),
                        yaml_quote(chart.reference));
    if (!chart.version.empty())
      text += fmt::format("    version: {}\n", yaml_quote(chart.version));
    if (!chart.tag.empty())
      text += fmt::format("    tag: {}\n", yaml_quote(chart.tag));
    text += fmt::format(
        "    digest: {}\n    content:\n      digest: {}\n      size: {}\n"
        "    chart:\n      name: {}\n      version: {}\n",
        chart.manifest.str(), chart.content.str(), chart.content_size, yaml_quote(chart.chart_name),
        yaml_quote(chart.chart_version));
  }
  return text;
}

LockFile parse_lock_file(std::string_view text, std::string_view file) {
  return LockReader(file).read(text);
}

std::optional<LockFile> read_lock_file(const std::filesystem::path& path) {
  const auto text = read_user_file(path, kLockFileLimit);
  return text ? std::optional(parse_lock_file(*text, path.string())) : std::nullopt;
}

Reference locked_reference(const ChartSpec& chart, const LockedChart& locked) {
  const bool ranged = !chart.reference.tag() && !chart.reference.digest();
  return ranged && !locked.tag.empty() ? chart.reference.with_tag(locked.tag) : chart.reference;
}

std::vector<std::string> lock_complaints(const Spec& spec, const LockFile& lock) {
  std::vector<std::string> complaints;
  for (const ChartSpec& chart : spec.charts) {
    const LockedChart* locked = lock.find(chart.name);
    if (!locked)
      complaints.push_back(printable(chart.name) + ": is not in the lock file");
    else if (locked->reference != chart.written_ref || locked->version != chart.written_version)
      complaints.push_back(fmt::format("{}: the spec says {}, the lock file was written for {}",
                                       printable(chart.name),
                                       as_written(chart.written_ref, chart.written_version),
                                       as_written(locked->reference, locked->version)));
    else if (chart.reference.digest() && *chart.reference.digest() != locked->manifest)
      complaints.push_back(fmt::format("{}: the lock file has another digest than the spec, {}",
                                       printable(chart.name), locked->manifest.str()));
    else if (chart.reference.tag().value_or(locked->tag) != locked->tag ||
             (chart.range && locked->tag.empty()))
      complaints.push_back(fmt::format("{}: the lock file has another tag than the spec, {}",
                                       printable(chart.name),
                                       locked->tag.empty() ? "none" : printable(locked->tag)));
  }
  return complaints;
}

std::vector<std::string> lock_differences(const LockFile& before, const LockFile& now) {
  std::vector<std::string> lines;
  for (const LockedChart& chart : now.charts) {
    if (const LockedChart* old = before.find(chart.name))
      compare(*old, chart, lines);
    else
      lines.push_back(fmt::format("{}: is not in the lock file", printable(chart.name)));
  }
  for (const LockedChart& chart : before.charts)
    if (!now.find(chart.name))
      lines.push_back(fmt::format("{}: is not in the spec", printable(chart.name)));
  return lines;
}

}  // namespace ocisync
