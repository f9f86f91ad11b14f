#include "base/unified_diff.h"

#include <algorithm>
#include <random>
#include <sstream>
#include <string>
#include <utility>

#include <gtest/gtest.h>

namespace ocisync {
namespace {

using Told = std::vector<std::string>;

TEST(UnifiedDiff, SaysNothingOfEqualTexts) {
  EXPECT_EQ(unified_diff("", ""), Told{});
  EXPECT_EQ(unified_diff("a\nb\n", "a\nb\n"), Told{});
}

TEST(UnifiedDiff, ShowsAChangeWithThreeLinesAroundIt) {
  EXPECT_EQ(unified_diff("1\n2\n3\n4\n5\n6\n7\n8\n9\n", "1\n2\n3\n4\nfive\n6\n7\n8\n9\n"),
            (Told{"@@ -2,7 +2,7 @@", " 2", " 3", " 4", "-5", "+five", " 6", " 7", " 8"}));
}

TEST(UnifiedDiff, CountsFromNothing) {
  EXPECT_EQ(unified_diff("", "a\nb\n"), (Told{"@@ -0,0 +1,2 @@", "+a", "+b"}));
  EXPECT_EQ(unified_diff("a\n", ""), (Told{"@@ -1 +0,0 @@", "-a"}));
}

TEST(UnifiedDiff, NoticesAMissingLastNewline) {
  EXPECT_EQ(unified_diff("a\n", "a"),
            (Told{"@@ -1 +1 @@", "-a", "+a", "\\ No newline at end of file"}));
}

TEST(UnifiedDiff, JoinsChangesWhoseSurroundingsTouch) {
  const std::string before = "a\n1\n2\n3\n4\n5\n6\nb\n";
  EXPECT_EQ(unified_diff(before, "A\n1\n2\n3\n4\n5\n6\nB\n").size(), 1U + 6 + 4);
  EXPECT_EQ(unified_diff("a\n1\n2\n3\n4\n5\n6\n7\nb\n", "A\n1\n2\n3\n4\n5\n6\n7\nB\n").size(),
            2U * (1 + 2 + 3));
}

Told lines_of(const std::string& text) {
  Told lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);)
    lines.push_back(line);
  return lines;
}

// Goes the way that is told, as patch(1) does.
Told applied(const Told& before, const Told& told) {
  Told after;
  std::size_t at = 0;
  for (const std::string& line : told) {
    if (line.starts_with("@@ -")) {
      const std::size_t start = std::stoul(line.substr(4));
      const bool nothing = line.substr(4, line.find(' ', 4) - 4).ends_with(",0");
      while (at < (nothing ? start : start - 1))
        after.push_back(before.at(at++));
    } else if (line[0] == '+') {
      after.push_back(line.substr(1));
    } else {
      EXPECT_EQ(before.at(at), line.substr(1));
      if (line[0] == ' ')
        after.push_back(before[at]);
      ++at;
    }
  }
  while (at < before.size())
    after.push_back(before[at++]);
  return after;
}

std::size_t fewest_changes(const Told& a, const Told& b) {
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j)
    row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = std::exchange(row[0], i);
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t best = a[i - 1] == b[j - 1] ? diagonal : std::min(row[j], row[j - 1]) + 1;
      diagonal = std::exchange(row[j], best);
    }
  }
  return row[b.size()];
}

TEST(UnifiedDiff, LeadsFromTheOneTextToTheOtherByTheShortestWay) {
  std::mt19937 random(7);
  const auto text = [&] {
    std::string lines;
    for (auto i = random() % 40; i > 0; --i)
      lines += std::string(1, static_cast<char>('a' + random() % 4)) + "\n";
    return lines;
  };
  for (int round = 0; round < 2000; ++round) {
    const std::string before = text(), after = text();
    const Told told = unified_diff(before, after);
    ASSERT_EQ(applied(lines_of(before), told), lines_of(after)) << before << "to\n" << after;
    const auto changes = std::count_if(told.begin(), told.end(), [](const std::string& line) {
      return line[0] == '+' || line[0] == '-';
    });
    ASSERT_EQ(static_cast<std::size_t>(changes), fewest_changes(lines_of(before), lines_of(after)))
        << before << "to\n"
        << after;
  }
}

TEST(UnifiedDiff, StaysQuickWhenNothingIsAlike) {
  std::string before, after;
  for (int i = 0; i < 20'000; ++i) {
    before += "old " + std::to_string(i) + "\n";
    after += "new " + std::to_string(i) + "\n";
  }
  EXPECT_EQ(unified_diff(before, after).size(), 40'001U);
}

}  // namespace
}  // namespace ocisync
