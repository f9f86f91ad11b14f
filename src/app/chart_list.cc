#include <algorithm>
#include <array>
#include <vector>

#include <fmt/format.h>

#include "app/chart_cache.h"
#include "app/commands.h"
#include "app/output.h"
#include "app/wiring.h"
#include "base/document.h"
#include "base/text.h"
#include "store/blob_path.h"

namespace ocisync {
namespace {

struct ListedChart {
  std::string reference;
  ReferenceEntry entry;
  std::uint64_t size;
  WallTime created;
};

std::vector<ListedChart> list_charts(const ChartCache& cache, Log& log) {
  std::vector<ListedChart> charts;
  const auto visit = [&](const Reference& reference, const ReferenceEntry& entry) {
    const auto blob = status_at(cache.volume(), blob_path(entry.content));
    charts.push_back({reference.str(), entry, blob ? static_cast<std::uint64_t>(blob->st_size) : 0,
                      cache.references().kept_since(reference, entry)});
  };
  cache.references().for_each(visit, [&](const Error& error) {
    log.warning("ReferenceUnreadable", error.what(), {{"hint", error.hint()}});
  });
  std::sort(charts.begin(), charts.end(),
            [](const ListedChart& a, const ListedChart& b) { return a.reference < b.reference; });
  return charts;
}

constexpr std::size_t kWidest = 60;

// Columns are as wide as their widest cell, kWidest at most, and a tab apart.
template <std::size_t N>
std::string table(std::vector<std::array<std::string, N>> rows) {
  std::array<std::size_t, N> widths{};
  for (auto& row : rows)
    for (std::size_t i = 0; i < N; ++i) {
      if (row[i].size() > kWidest)
        row[i].replace(kWidest - 3, std::string::npos, "...");
      widths[i] = std::max(widths[i], row[i].size());
    }
  std::string text;
  for (const auto& row : rows) {
    for (std::size_t i = 0; i + 1 < N; ++i)
      text += fmt::format("{:<{}}\t", row[i], widths[i]);
    text += row[N - 1] + "\n";
  }
  return text;
}

std::string list_text(const std::vector<ListedChart>& charts, WallTime now) {
  std::vector<std::array<std::string, 6>> rows = {
      {"REF", "NAME", "VERSION", "DIGEST", "SIZE", "CREATED"}};
  for (const ListedChart& chart : charts)
    rows.push_back(
        {chart.reference, printable(chart.entry.name), printable(chart.entry.version),
         chart.entry.content.short_hex(), human_size(chart.size),
         human_age(std::chrono::duration_cast<std::chrono::seconds>(now - chart.created))});
  return table(std::move(rows));
}

std::string list_json(const std::vector<ListedChart>& charts) {
  Json list = Json::array();
  for (const ListedChart& chart : charts) {
    Json entry = Json::object();
    entry.set("ref", chart.reference);
    entry.set("name", chart.entry.name);
    entry.set("version", chart.entry.version);
    entry.set("meta", chart.entry.meta.str());
    entry.set("content", chart.entry.content.str());
    if (chart.entry.manifest)
      entry.set("manifest", chart.entry.manifest->str());
    entry.set("size", chart.size);
    entry.set("created", rfc3339(chart.created));
    list.add(std::move(entry));
  }
  Json document = document_of_kind("ChartList");
  document.set("charts", std::move(list));
  return document.dump(2) + "\n";
}

int run_chart_list(const ChartOptions& options) {
  const auto log = make_log(options.log);
  const Spec spec = load_spec_if_given(options.spec, *log);
  const auto cache = ChartCache::find(options.spec, spec, *log);
  const auto charts = cache ? list_charts(*cache, *log) : std::vector<ListedChart>();
  print(options.output == OutputFormat::json ? list_json(charts)
                                             : list_text(charts, RealClock().wall()));
  return 0;
}

}  // namespace

Command chart_list_command() {
  return make_command<ChartOptions>("chart list", "List the charts of the cache", declare,
                                    run_chart_list);
}

}  // namespace ocisync
