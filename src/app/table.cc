#include "app/table.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/display.h"
#include "base/text.h"

namespace ocisync {

std::string aligned_table(const std::vector<std::vector<std::string>>& rows) {
  std::vector<std::vector<std::string>> shown;
  std::vector<std::size_t> widths;
  for (const auto& row : rows) {
    auto& cells = shown.emplace_back();
    widths.resize(std::max(widths.size(), row.size()));
    for (std::size_t i = 0; i < row.size(); ++i) {
      cells.push_back(printable(row[i]));
      widths[i] = std::max(widths[i], display_width(cells[i]));
    }
  }
  std::string text;
  for (const auto& cells : shown) {
    std::string line;
    for (std::size_t i = 0; i < cells.size(); ++i)
      line += fit_columns(cells[i], widths[i]) + "  ";
    text += line.substr(0, line.find_last_not_of(' ') + 1) + "\n";
  }
  return text;
}

std::string charts_counted(std::uint64_t count) {
  return fmt::format("{} {}", count, count == 1 ? "chart" : "charts");
}

}  // namespace ocisync
