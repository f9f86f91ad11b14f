#include "chart/ignore_rules.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/failure.h"

namespace ocisync {
namespace {

using testing::HasSubstr;

bool ignores(std::string_view rules, std::string_view path, bool directory = false) {
  return IgnoreRules::parse(rules).ignores(path, directory);
}

TEST(IgnoreRules, MatchTheLastNameUnlessTheyHoldASlash) {
  EXPECT_TRUE(ignores("*.txt", "a.txt"));
  EXPECT_TRUE(ignores("*.txt", "docs/deep/a.txt"));
  EXPECT_FALSE(ignores("*.txt", "a.txt.gz"));
  EXPECT_TRUE(ignores("docs/*.txt", "docs/a.txt"));
  EXPECT_FALSE(ignores("docs/*.txt", "docs/deep/a.txt"));
  EXPECT_FALSE(ignores("docs/*.txt", "more/docs/a.txt"));
  EXPECT_TRUE(ignores("/a.txt", "a.txt"));
  EXPECT_FALSE(ignores("/a.txt", "docs/a.txt"));
}

TEST(IgnoreRules, MeanDirectoriesWhereTheyEndInASlash) {
  EXPECT_TRUE(ignores("cargo/", "cargo", true));
  EXPECT_FALSE(ignores("cargo/", "cargo", false));
  EXPECT_TRUE(ignores("cargo/", "a/cargo", true));
  EXPECT_TRUE(ignores("cargo", "cargo", false));
}

TEST(IgnoreRules, TurnedAroundIgnoreWhatDoesNotMatch) {
  EXPECT_TRUE(ignores("!values.yaml", "Chart.yaml"));
  EXPECT_FALSE(ignores("!values.yaml", "values.yaml"));
  EXPECT_TRUE(ignores("!docs/", "README.md", false));
  EXPECT_FALSE(ignores("!docs/", "docs", true));
  // The first rule that ignores decides; nothing later brings a file back.
  EXPECT_TRUE(ignores("*.md\n!README.md", "README.md"));
}

TEST(IgnoreRules, PassOverCommentsBlankLinesAndAByteOrderMark) {
  EXPECT_TRUE(ignores("\xEF\xBB\xBF*.txt\r\n# *.md\n\n  \n\t*.log  \n", "a.txt"));
  EXPECT_TRUE(ignores("# *.md\n  *.log  ", "a.log"));
  EXPECT_FALSE(ignores("# *.md\n", "a.md"));
  EXPECT_FALSE(ignores("", "a"));
}

TEST(IgnoreRules, AlwaysLeaveHiddenTemplatesOut) {
  EXPECT_TRUE(ignores("", "templates/.swp"));
  EXPECT_FALSE(ignores("", ".swp"));
  EXPECT_FALSE(ignores("", "templates/deep/.swp"));
  EXPECT_FALSE(ignores("", "templates/_helpers.tpl"));
}

TEST(IgnoreRules, RefuseWhatHelmRefusesAndNameTheLine) {
  for (const char* rules : {"a\n**/b", "a\n[", "a\n[]", "a\n[a", "a\n[a-", "a\nx\\", "a\n[-]"}) {
    const auto error = failure_of([&] { IgnoreRules::parse(rules); });
    ASSERT_TRUE(error) << rules;
    EXPECT_EQ(error->reason(), Reason::chart_invalid);
    EXPECT_THAT(error->what(), HasSubstr(".helmignore, line 2")) << rules;
  }
}

TEST(Glob, MatchesAsGoDoes) {
  for (const auto& [pattern, text, matches] :
       std::initializer_list<std::tuple<std::string_view, std::string_view, bool>>{
           {"abc", "abc", true},
           {"*", "abc", true},
           {"*c", "abc", true},
           {"a*", "a", true},
           {"a*", "ab/c", false},
           {"a*/b", "abc/b", true},
           {"a*/b", "a/c/b", false},
           {"a*b*c*d*e*/f", "axbxcxdxe/f", true},
           {"a*b*c*d*e*/f", "axbxcxdxe/xxx/f", false},
           {"a*b?c*x", "abxbbxdbxebxczzx", true},
           {"a*b?c*x", "abxbbxdbxebxczzy", false},
           {"ab[c]", "abc", true},
           {"ab[b-d]", "abc", true},
           {"ab[e-g]", "abc", false},
           {"ab[^c]", "abc", false},
           {"ab[^e-g]", "abc", true},
           {"a\\*b", "a*b", true},
           {"a\\*b", "ab", false},
           {"a?b", "a☺b", true},
           {"a[^a]b", "a☺b", true},
           {"a???b", "a☺b", false},
           {"[a-ζ]*", "α", true},
           {"*[a-ζ]", "A", false},
           {"a?b", "a/b", false},
           {"a*b", "a/b", false},
           {"[\\]a]", "]", true},
           {"[\\-x]", "-", true},
           {"[x\\-]", "z", false},
           {"*x", "xxx", true},
           {"", "", true},
           {"", "a", false},
       })
    EXPECT_EQ(glob_matches(pattern, text), matches) << pattern << " " << text;
}

TEST(Glob, TakesNoTimeOverManyStars) {
  const std::string text(20'000, 'a');
  EXPECT_FALSE(glob_matches("*a*a*a*a*a*a*a*a*a*b", text));
}

}  // namespace
}  // namespace ocisync
