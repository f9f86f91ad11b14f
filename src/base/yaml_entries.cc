#include "base/yaml_entries.h"

#include <map>
#include <set>
#include <string>

#include <fmt/format.h>

#include "base/text.h"

namespace ocisync {
namespace {

constexpr std::size_t kEnoughProblems =
    100;  // nobody reads more, and a hostile document has millions

// The maps that the "<<" entries of `map` name, in order of precedence. The entries are taken out.
std::vector<YamlValue> take_merged(YamlValue& map, std::vector<YamlProblem>& problems) {
  std::vector<YamlValue> sources;
  const auto add = [&](YamlValue& source) {
    if (source.is_map())
      sources.push_back(std::move(source));
    else if (problems.size() < kEnoughProblems)
      problems.push_back({source.at, "'<<' takes a map or a list of maps"});
  };
  for (YamlValue::Entry& entry : map.entries) {
    if (entry.key != kMergeEntry)
      continue;
    if (!entry.value.is_sequence())
      add(entry.value);
    for (YamlValue& item : entry.value.items)
      add(item);
  }
  std::erase_if(map.entries,
                [](const YamlValue::Entry& entry) { return entry.key == kMergeEntry; });
  return sources;
}

void merge(YamlValue& map, std::vector<YamlProblem>& problems) {
  std::vector<YamlValue> sources = take_merged(map, problems);
  if (sources.empty())
    return;
  std::set<std::string> keys;
  for (const YamlValue::Entry& entry : map.entries)
    keys.insert(entry.key);
  for (YamlValue& source : sources)
    for (YamlValue::Entry& entry : source.entries)
      if (keys.insert(entry.key).second)
        map.entries.push_back(std::move(entry));
}

void keep_last_of_each(YamlValue& map) {
  std::map<std::string, std::size_t> last;
  for (std::size_t i = 0; i < map.entries.size(); ++i)
    last[map.entries[i].key] = i;
  if (last.size() == map.entries.size())
    return;
  std::vector<YamlValue::Entry> kept;
  for (std::size_t i = 0; i < map.entries.size(); ++i)
    if (last[map.entries[i].key] == i)
      kept.push_back(std::move(map.entries[i]));
  map.entries = std::move(kept);
}

}  // namespace

void report_duplicates(const YamlValue& map, const std::function<std::string()>& path,
                       std::vector<YamlProblem>& problems) {
  std::map<std::string_view, Position> seen;
  for (const YamlValue::Entry& entry : map.entries) {
    const auto [first, is_new] = seen.try_emplace(entry.key, entry.key_at);
    if (is_new || problems.size() >= kEnoughProblems)
      continue;
    const std::string name =
        printable(entry.key == kMergeEntry ? "<<" : std::string_view(entry.key), 80);
    const std::string above = path();
    problems.push_back(
        {entry.key_at,
         fmt::format("'{}' stands here twice, first on line {}", name, first->second.line),
         above + (above.empty() ? "" : ".") + name});
  }
}

void settle_entries(YamlValue& value, const YamlOptions& options,
                    std::vector<YamlProblem>& problems) {
  // Innermost first: what is merged has had its own merges done.
  for (YamlValue& item : value.items)
    settle_entries(item, options, problems);
  for (YamlValue::Entry& entry : value.entries)
    settle_entries(entry.value, options, problems);
  if (options.duplicates == YamlOptions::Duplicates::last_wins)
    keep_last_of_each(value);
  if (options.merge_keys)
    merge(value, problems);
}

}  // namespace ocisync
