#include "base/unified_diff.h"

#include <algorithm>
#include <cstdint>

#include <fmt/format.h>

namespace ocisync {
namespace {

constexpr std::size_t kContext = 3;
// Bounds the time (lines times differences) and the memory (differences squared).
constexpr int kMostDifferences = 2000;

using Lines = std::vector<std::string_view>;

// Each with its newline, so that a missing one counts as a difference.
Lines lines_of(std::string_view text) {
  Lines lines;
  while (!text.empty()) {
    const auto end = text.find('\n');
    const std::size_t size = end == std::string_view::npos ? text.size() : end + 1;
    lines.push_back(text.substr(0, size));
    text.remove_prefix(size);
  }
  return lines;
}

std::size_t index(std::ptrdiff_t value) { return static_cast<std::size_t>(value); }

struct Edit {
  char kind;                  // ' ', '-' or '+'
  std::size_t before, after;  // where it stands in either text
};

// The shortest way from one list of lines to another (Myers, "An O(ND) Difference Algorithm").
class Script {
 public:
  Script(const Lines& before, const Lines& after) : before_(before), after_(after) {}

  std::vector<Edit> edits() {
    const std::size_t most = std::min(before_.size(), after_.size());
    while (head_ < most && before_[head_] == after_[head_])
      ++head_;
    while (tail_ < most - head_ &&
           before_[before_.size() - 1 - tail_] == after_[after_.size() - 1 - tail_])
      ++tail_;
    rows_ = static_cast<int>(before_.size() - head_ - tail_);
    columns_ = static_cast<int>(after_.size() - head_ - tail_);
    std::vector<Edit> edits;
    for (std::size_t i = 0; i < head_; ++i)
      edits.push_back({' ', i, i});
    add_middle(edits);
    for (std::size_t i = tail_; i > 0; --i)
      edits.push_back({' ', before_.size() - i, after_.size() - i});
    return edits;
  }

 private:
  bool same(int x, int y) const { return before_[head_ + index(x)] == after_[head_ + index(y)]; }

  void add(std::vector<Edit>& edits, char kind, int x, int y) const {
    edits.push_back({kind, head_ + index(x), head_ + index(y)});
  }

  void add_middle(std::vector<Edit>& edits) {
    if (search())
      return walk_back(edits);
    for (int x = 0; x < rows_; ++x)
      add(edits, '-', x, 0);
    for (int y = 0; y < columns_; ++y)
      add(edits, '+', rows_, y);
  }

  // Which neighbouring diagonal reaches farther with one edit less.
  static bool from_above(const std::vector<int>& reach, int diagonal, int differences, int origin) {
    const auto at = [&](int d) { return reach[index(origin + d)]; };
    return diagonal == -differences ||
           (diagonal != differences && at(diagonal - 1) < at(diagonal + 1));
  }

  // Notes for each number of differences how far every diagonal gets. False: too many.
  bool search() {
    const int most = std::min(rows_ + columns_, kMostDifferences);
    origin_ = most + 1;
    std::vector<int> reach(index(2 * origin_ + 1), 0);
    for (int differences = 0; differences <= most; ++differences) {
      // Only the diagonals in use are kept.
      trace_.emplace_back(reach.begin() + origin_ - differences - 1,
                          reach.begin() + origin_ + differences + 2);
      for (int diagonal = -differences; diagonal <= differences; diagonal += 2) {
        int x = from_above(reach, diagonal, differences, origin_)
                    ? reach[index(origin_ + diagonal + 1)]
                    : reach[index(origin_ + diagonal - 1)] + 1;
        while (x < rows_ && x - diagonal < columns_ && same(x, x - diagonal))
          ++x;
        reach[index(origin_ + diagonal)] = x;
        if (x >= rows_ && x - diagonal >= columns_)
          return true;
      }
    }
    return false;
  }

  void walk_back(std::vector<Edit>& edits) const {
    std::vector<Edit> reversed;
    int x = rows_;
    int y = columns_;
    for (int differences = static_cast<int>(trace_.size()) - 1; differences >= 0; --differences) {
      const std::vector<int>& reach = trace_[index(differences)];
      const int origin = differences + 1;
      const int diagonal = x - y;
      const bool inserted = from_above(reach, diagonal, differences, origin);
      const int before = inserted ? diagonal + 1 : diagonal - 1;
      const int from_x = differences == 0 ? 0 : reach[index(origin + before)];
      const int from_y = differences == 0 ? 0 : from_x - before;
      while (x > from_x && y > from_y)
        add(reversed, ' ', --x, --y);
      if (differences == 0)
        break;
      add(reversed, inserted ? '+' : '-', from_x, from_y);
      x = from_x;
      y = from_y;
    }
    edits.insert(edits.end(), reversed.rbegin(), reversed.rend());
  }

  const Lines& before_;
  const Lines& after_;
  std::size_t head_ = 0, tail_ = 0;  // lines alike at both ends
  int rows_ = 0, columns_ = 0;       // what is left of either
  int origin_ = 0;
  std::vector<std::vector<int>> trace_;
};

std::string range(std::size_t start, std::size_t count) {
  const std::size_t first = count == 0 ? start : start + 1;
  return count == 1 ? fmt::format("{}", first) : fmt::format("{},{}", first, count);
}

}  // namespace

std::vector<std::string> unified_diff(std::string_view before, std::string_view after) {
  const Lines old_lines = lines_of(before);
  const Lines new_lines = lines_of(after);
  const std::vector<Edit> edits = Script(old_lines, new_lines).edits();
  const auto changes = [](const Edit& edit) { return edit.kind != ' '; };
  std::vector<std::string> told;
  auto next = std::find_if(edits.begin(), edits.end(), changes);
  while (next != edits.end()) {
    // A hunk goes on while the next change is near enough for their contexts to touch.
    auto last = next;
    for (auto other = std::find_if(last + 1, edits.end(), changes);
         other != edits.end() && other - last <= static_cast<std::ptrdiff_t>(2 * kContext + 1);
         other = std::find_if(last + 1, edits.end(), changes))
      last = other;
    const auto first = next - std::min<std::ptrdiff_t>(kContext, next - edits.begin());
    const auto end = last + 1 + std::min<std::ptrdiff_t>(kContext, edits.end() - last - 1);
    const auto added =
        index(std::count_if(first, end, [](const Edit& edit) { return edit.kind == '+'; }));
    const auto removed =
        index(std::count_if(first, end, [](const Edit& edit) { return edit.kind == '-'; }));
    const auto size = index(end - first);
    told.push_back(fmt::format("@@ -{} +{} @@", range(first->before, size - added),
                               range(first->after, size - removed)));
    for (auto edit = first; edit != end; ++edit) {
      const std::string_view line =
          edit->kind == '+' ? new_lines[edit->after] : old_lines[edit->before];
      const bool whole = line.ends_with('\n');
      told.push_back(edit->kind + std::string(line.substr(0, line.size() - (whole ? 1 : 0))));
      if (!whole)
        told.emplace_back("\\ No newline at end of file");
    }
    next = std::find_if(end, edits.end(), changes);
  }
  return told;
}

}  // namespace ocisync
