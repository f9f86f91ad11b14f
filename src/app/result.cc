#include "app/result.h"

#include <algorithm>
#include <array>
#include <map>
#include <vector>

#include <fmt/format.h>

#include "base/json.h"
#include "base/text.h"

namespace ocisync {
namespace {

constexpr std::array kStates = {ChartState::updated, ChartState::unchanged, ChartState::repaired,
                                ChartState::removed, ChartState::failed,    ChartState::suspended,
                                ChartState::skipped};

std::map<ChartState, std::size_t> count_states(const PassResult& result) {
  std::map<ChartState, std::size_t> counts;
  for (const Outcome& chart : result.charts)
    ++counts[chart.state];
  return counts;
}

double seconds(Duration duration) { return static_cast<double>(duration.count()) / 1000; }

using Row = std::vector<std::string>;

std::string aligned(const std::vector<Row>& rows) {
  std::vector<std::size_t> widths;
  for (const Row& row : rows) {
    widths.resize(std::max(widths.size(), row.size()));
    for (std::size_t i = 0; i < row.size(); ++i)
      widths[i] = std::max(widths[i], row[i].size());
  }
  std::string text;
  for (const Row& row : rows) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i)
      line += i + 1 == row.size() ? row[i] : fmt::format("{:<{}}  ", row[i], widths[i]);
    text += line.substr(0, line.find_last_not_of(' ') + 1) + "\n";
  }
  return text;
}

std::string failure_line(const Outcome& chart) {
  std::string line = fmt::format("{}: {}", chart.name, to_string(*chart.reason));
  if (!chart.stage.empty())
    line += " at " + chart.stage;
  if (chart.http_status != 0)
    line += fmt::format(" (HTTP {})", chart.http_status);
  line += fmt::format(": {}: {}", chart.reference, chart.message);
  if (!chart.hint.empty())
    line += fmt::format(" ({})", chart.hint);
  return line + "\n";
}

void set_if(Json& object, const char* key, const std::string& value) {
  if (!value.empty())
    object.set(key, value);
}

Json chart_json(const Outcome& chart) {
  Json entry = Json::object();
  entry.set("name", chart.name);
  entry.set("ref", chart.reference);
  set_if(entry, "version", chart.version);
  if (chart.digest)
    entry.set("digest", chart.digest->str());
  if (chart.previous)
    entry.set("previousDigest", chart.previous->str());
  entry.set("state", std::string(to_string(chart.state)));
  entry.set("required", chart.required);
  if (chart.reason)
    entry.set("reason", std::string(to_string(*chart.reason)));
  set_if(entry, "message", chart.message);
  set_if(entry, "hint", chart.hint);
  set_if(entry, "stage", chart.stage);
  if (chart.http_status != 0)
    entry.set("httpStatus", chart.http_status);
  entry.set("attempts", std::uint64_t{chart.attempts});
  entry.set("bytes", chart.bytes);
  entry.set("requests", chart.requests);
  entry.set("durationSeconds", seconds(chart.duration));
  entry.set("exportPath", chart.export_path);
  return entry;
}

}  // namespace

std::string result_table(const PassResult& result) {
  std::vector<Row> rows = {{"CHART", "VERSION", "DIGEST", "STATE", "REQUESTS", "BYTES", "TIME"}};
  std::string failures;
  for (const Outcome& chart : result.charts) {
    rows.push_back({chart.name, chart.version.empty() ? "-" : chart.version,
                    chart.digest ? chart.digest->hex().substr(0, 12) : "-",
                    std::string(to_string(chart.state)), std::to_string(chart.requests),
                    human_size(chart.bytes), fmt::format("{:.2f}s", seconds(chart.duration))});
    if (chart.state == ChartState::failed && chart.reason)
      failures += failure_line(chart);
  }
  std::string summary;
  const auto counts = count_states(result);
  for (const ChartState state : kStates)
    if (const auto found = counts.find(state); found != counts.end())
      summary +=
          fmt::format("{}{} {}", summary.empty() ? "" : ", ", found->second, to_string(state));
  return aligned(rows) + (failures.empty() ? "" : "\n" + failures) +
         fmt::format("\n{} charts: {} in {:.2f}s\n", result.charts.size(),
                     summary.empty() ? "nothing to do" : summary, seconds(result.duration));
}

std::string result_json(const PassResult& result, int exit_code) {
  Json document = Json::object();
  document.set("apiVersion", "ocisync.dev/v1alpha1");
  document.set("kind", "SyncResult");
  document.set("name", result.spec_name);
  document.set("specHash", result.spec_hash);
  document.set("startedAt", rfc3339(result.started));
  document.set("durationSeconds", seconds(result.duration));
  document.set("exitCode", exit_code);
  Json charts = Json::array();
  for (const Outcome& chart : result.charts)
    charts.add(chart_json(chart));
  document.set("charts", std::move(charts));
  Json summary = Json::object();
  const auto counts = count_states(result);
  for (const ChartState state : kStates) {
    const auto found = counts.find(state);
    summary.set(std::string(to_string(state)),
                std::uint64_t{found == counts.end() ? 0 : found->second});
  }
  document.set("summary", std::move(summary));
  return document.dump(2) + "\n";
}

}  // namespace ocisync
