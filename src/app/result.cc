#include "app/result.h"

#include <map>
#include <vector>

#include <fmt/format.h>

#include "app/table.h"
#include "base/text.h"

namespace ocisync {
namespace {

std::string in_seconds(Duration duration) {
  return fmt::format("{:.2f}s", std::chrono::duration<double>(duration).count());
}

std::vector<std::string> row(const Outcome& chart) {
  return {chart.name,
          chart.version.empty() ? "-" : chart.version,
          chart.digest ? chart.digest->hex().substr(0, 12) : "-",
          std::string(to_string(chart.state)),
          std::to_string(chart.requests),
          human_size(chart.bytes),
          in_seconds(chart.duration)};
}

}  // namespace

std::string failure_line(const Outcome& chart) {
  std::string line = chart.name;
  if (!chart.required)
    line += " (optional)";
  if (chart.reason)
    line += fmt::format(": {}", to_string(*chart.reason));
  if (!chart.stage.empty())
    line += " at " + chart.stage;
  if (chart.http_status != 0)
    line += fmt::format(" (HTTP {})", chart.http_status);
  line += fmt::format(": {}: {}", chart.reference, chart.message);
  if (!chart.hint.empty())
    line += fmt::format(" ({})", chart.hint);
  return printable(line, 4096) + "\n";
}

std::string summary_line(const PassResult& result) {
  std::map<ChartState, std::size_t> counts;
  for (const Outcome& chart : result.charts)
    ++counts[chart.state];
  std::string states;
  for (const auto& [state, count] : counts)
    states += fmt::format("{}{} {}", states.empty() ? "" : ", ", count, to_string(state));
  return fmt::format("{}: {} in {}\n", charts_counted(result.charts.size()),
                     states.empty() ? "nothing to do" : states, in_seconds(result.duration));
}

std::string result_table(const PassResult& result) {
  std::vector<std::vector<std::string>> rows = {
      {"CHART", "VERSION", "DIGEST", "STATE", "REQUESTS", "BYTES", "TIME"}};
  std::string failures;
  for (const Outcome& chart : result.charts) {
    rows.push_back(row(chart));
    if (chart.state == ChartState::failed)
      failures += failure_line(chart);
  }
  return aligned_table(rows) + (failures.empty() ? "" : "\n" + failures) + "\n" +
         summary_line(result);
}

}  // namespace ocisync
