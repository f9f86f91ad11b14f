#include "spec/chart_list.h"

#include <algorithm>
#include <unordered_map>

#include <fmt/format.h>

#include "base/text.h"
#include "spec/registry_key.h"

namespace ocisync {
namespace {

// Runs `act` with the reading at spec.<list>[index].<key>.
template <typename Act>
void at_entry(Reading& reading, std::string_view list, std::size_t index, std::string_view key,
              Act act) {
  const auto spec = reading.inside("spec");
  const auto all = reading.inside(list);
  const auto entry = reading.inside(index);
  const auto field = reading.inside(key);
  act();
}

Position place_of_name(const ChartDraft& draft) {
  return draft.name.given ? draft.name.at : draft.chart.at;
}

std::string_view key_of_name(const ChartDraft& draft) {
  if (draft.name.given)
    return "name";
  return draft.ref.given ? "ref" : "repository";
}

Position place_of_path(const ChartDraft& draft) {
  return draft.path.given ? draft.path.at : place_of_name(draft);
}

void refuse_equal_names(Reading& reading, const std::vector<ChartDraft>& charts) {
  std::unordered_map<std::string, const ChartDraft*> seen;
  for (const ChartDraft& draft : charts) {
    if (draft.chart.name.empty())
      continue;
    const auto entry = seen.try_emplace(lower(draft.chart.name), &draft);
    if (entry.second)
      continue;
    const std::string taken_at = reading.position(place_of_name(*entry.first->second));
    at_entry(reading, "charts", draft.index, key_of_name(draft), [&] {
      reading.complain(
          place_of_name(draft),
          fmt::format("the name {} is taken at {} already ({})", draft.chart.name, taken_at,
                      draft.name.given ? "names differ by more than their case"
                                       : "give one of them a name of its own"));
    });
  }
}

// Sorts a path right in front of the paths below it: the separator comes before any other byte.
std::string path_key(const ChartDraft& draft) {
  std::string key = lower(draft.chart.export_path) + "/";
  std::replace(key.begin(), key.end(), '/', '\x01');
  return key;
}

void refuse_overlap(Reading& reading, const ChartDraft& outer, const ChartDraft& inner) {
  const bool in_order = &outer < &inner;
  const ChartDraft& first = in_order ? outer : inner;
  const ChartDraft& second = in_order ? inner : outer;
  const bool equal = path_key(outer) == path_key(inner);
  if (equal && !first.path.given && !second.path.given)
    return;  // their names are equal, which was said
  at_entry(reading, "charts", second.index, "export", [&] {
    const auto path = reading.inside("path");
    reading.complain(
        place_of_path(second),
        fmt::format("{} {} {} at {} (paths are neither equal nor nested)", second.chart.export_path,
                    equal ? "equals" : (in_order ? "lies in" : "holds"), first.chart.export_path,
                    reading.position(place_of_path(first))));
  });
}

void refuse_overlapping_paths(Reading& reading, const std::vector<ChartDraft>& charts) {
  std::vector<std::pair<std::string, const ChartDraft*>> sorted;
  for (const ChartDraft& draft : charts)
    if (!draft.chart.export_path.empty())
      sorted.emplace_back(path_key(draft), &draft);
  std::sort(sorted.begin(), sorted.end());
  const std::pair<std::string, const ChartDraft*>* outer = nullptr;
  for (const auto& entry : sorted) {
    if (outer != nullptr && entry.first.starts_with(outer->first))
      refuse_overlap(reading, *outer->second, *entry.second);
    else
      outer = &entry;
  }
}

void refuse_plain_http(Reading& reading, const SpecDraft& draft) {
  for (const ChartDraft& entry : draft.charts)
    if (entry.chart.repository && entry.chart.repository->url.starts_with("http:") &&
        !allows_plain_http(draft.spec, entry.chart.reference))
      at_entry(reading, "charts", entry.index, "repository", [&] {
        reading.complain(entry.repository.at,
                         "is plain http (use https, or set plainHTTP: true for its host)");
      });
}

}  // namespace

void settle_charts(Reading& reading, SpecDraft& draft) {
  refuse_equal_names(reading, draft.charts);
  refuse_overlapping_paths(reading, draft.charts);
  if (draft.document && !draft.lists_charts && !draft.spec.exports.allow_empty) {
    const auto spec = reading.inside("spec");
    const auto charts = reading.inside("charts");
    reading.complain(draft.charts_at, "no chart is listed (export.allowEmpty: true permits that)");
  }
  refuse_plain_http(reading, draft);
  draft.spec.charts.reserve(draft.charts.size());
  for (ChartDraft& entry : draft.charts) {
    entry.chart.export_format = entry.format.value_or(draft.spec.exports.format);
    draft.spec.charts.push_back(std::move(entry.chart));
  }
  draft.charts.clear();
}

void settle_registries(Reading& reading, const Spec& spec) {
  std::unordered_map<std::string, const RegistrySpec*> seen;
  std::size_t index = 0;
  int current_file = -1;
  for (const RegistrySpec& registry : spec.registries) {
    index = registry.at.file == current_file ? index + 1 : 0;
    current_file = registry.at.file;
    if (registry.host.empty())
      continue;
    const auto entry = seen.try_emplace(registry_identity(registry), &registry);
    if (entry.second)
      continue;
    const std::string first = reading.position(entry.first->second->at);
    at_entry(reading, "registries", index, "host", [&] {
      reading.complain(registry.at,
                       fmt::format("the same registry has an entry at {} already", first));
    });
  }
}

}  // namespace ocisync
