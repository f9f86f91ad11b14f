#include "spec/problem.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "loading.h"

namespace ocisync {
namespace {

std::string shown(std::string text, Position at) {
  return describe_problems({{at, "spec.x", "is wrong"}}, {file_of(std::move(text))});
}

TEST(SpecProblems, ShowTheLineAndACaretUnderTheColumn) {
  EXPECT_EQ(shown("a: 1\n  b: two\nc: 3\n", {2, 6, 0}),
            "charts.yaml:2:6: spec.x: is wrong\n"
            "  2 |   b: two\n"
            "    |      ^\n"
            "1 problem\n");
}

TEST(SpecProblems, CaretsStandRightBehindTabsWideCharactersAndControlBytes) {
  EXPECT_EQ(shown("\tb: two", {1, 5, 0}),
            "charts.yaml:1:5: spec.x: is wrong\n"
            "  1 |  b: two\n"
            "    |     ^\n"
            "1 problem\n");
  EXPECT_EQ(shown("größe: x\r\n", {1, 10, 0}),
            "charts.yaml:1:10: spec.x: is wrong\n"
            "  1 | größe: x\n"
            "    |        ^\n"
            "1 problem\n");
  EXPECT_EQ(shown("a\x1b: x", {1, 5, 0}),
            "charts.yaml:1:5: spec.x: is wrong\n"
            "  1 | a\\x1b: x\n"
            "    |        ^\n"
            "1 problem\n");
}

TEST(SpecProblems, ALineNobodyCouldReadIsCutAroundItsCaret) {
  const std::string text = shown("a: [" + std::string(5000, 'x') + "]", {1, 3000, 0});
  const std::size_t line = text.find("  1 | ") + 6;
  const std::size_t end = text.find('\n', line);
  EXPECT_EQ(end - line, 160U);
  EXPECT_EQ(text.substr(end + 1), fmt::format("    | {:60}^\n1 problem\n", ""));
}

TEST(SpecProblems, NoSecretIsShownWithTheLine) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"ref: oci://bob:hunter2@host/web:1", "ref: [redacted]@host/web:1"},
      {"- ref: bob:hunter2@host/web", "- ref: [redacted]@host/web"},
      {"  oci://bob:hunter2@host/web", "  [redacted]@host/web"},
      {"{ref: \"oci://bob:hun ter2@h/w\", x: 1}", "{ref: [redacted]@h/w\", x: 1}"},
      {"ref: oci://bob:hunter2@h/w@sha256:ab", "ref: [redacted]@h/w@sha256:ab"},
      {"password: hunter2", "password: [redacted]"},
      {"{username: bob, \"Password\" : hunter2}", "{username: bob, \"Password\" : [redacted]"},
      {"ref: oci://host/web@sha256:ab", "ref: oci://host/web@sha256:ab"},
      {"passwordFile: /run/secret", "passwordFile: /run/secret"},
  };
  for (const auto& [line, expected] : cases) {
    const std::string text = shown(line, {1, 1, 0});
    EXPECT_NE(text.find("  1 | " + expected + "\n"), std::string::npos) << text;
    EXPECT_EQ(text.find("hunter2"), std::string::npos) << text;
    EXPECT_EQ(text.find("ter2"), std::string::npos) << text;
  }
}

TEST(SpecProblems, TheCaretFollowsWhatIsBehindAMask) {
  const std::string text = shown("{ref: b:c@host, x: 1}", {1, 17, 0});
  EXPECT_NE(text.find("  1 | {ref: [redacted]@host, x: 1}\n"
                      "    |                        ^\n"),
            std::string::npos)
      << text;
}

TEST(SpecProblems, AHundredAreShownAndTheRestCounted) {
  const std::vector<SpecProblem> many(103, SpecProblem{{1, 1, 0}, "spec", "is wrong"});
  const std::string text = describe_problems(many, {file_of("x")});
  EXPECT_TRUE(text.ends_with("and 3 more\n103 problems\n"));
  std::size_t carets = 0;
  for (const char c : text)
    carets += c == '^' ? 1 : 0;
  EXPECT_EQ(carets, 100U);
}

TEST(SpecProblems, APositionBehindTheFileShowsNoLine) {
  EXPECT_EQ(shown("a: 1", {9, 1, 0}), "charts.yaml:9:1: spec.x: is wrong\n1 problem\n");
}

}  // namespace
}  // namespace ocisync
