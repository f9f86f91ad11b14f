#include "spec/expansion.h"

#include <gtest/gtest.h>

#include "loading.h"

namespace ocisync {
namespace {

const Variables kVariables = {{"HOST", "registry.example.com"},
                              {"EMPTY", ""},
                              {"NESTED", "${HOST}"},
                              {"DOLLARS", "$${HOST}"},
                              {"SECRET", "hunter2"}};

Expansion expand(std::string_view text) {
  return expand_variables(text, environment_of(kVariables));
}

TEST(Expansion, PutsVariablesIn) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"plain", "plain"},
      {"${HOST}", "registry.example.com"},
      {"oci://${HOST}/a/${HOST}", "oci://registry.example.com/a/registry.example.com"},
      {"${UNSET:-fallback}", "fallback"},
      {"${EMPTY:-fallback}", "fallback"},
      {"${HOST:-fallback}", "registry.example.com"},
      {"${UNSET:-}", ""},
      {"${UNSET:-a:-b}", "a:-b"},
      {"[${EMPTY}]", "[]"},
      {"${HOST:?must be set}", "registry.example.com"},
  };
  for (const auto& [text, expected] : cases) {
    EXPECT_EQ(expand(text).text, expected) << text;
    EXPECT_TRUE(expand(text).complaints.empty()) << text;
  }
}

TEST(Expansion, LeavesEverythingElseWithADollarAlone) {
  for (const std::string text : {"$", "$$", "$HOST", "a$b", "^1\\.2$", "$(HOST)", "}{", "$ {HOST}"})
    EXPECT_EQ(expand(text).text, text);
  EXPECT_EQ(expand("$${HOST}").text, "${HOST}");
  EXPECT_EQ(expand("$$${HOST}").text, "$${HOST}");
  EXPECT_EQ(expand("$${HOST} ${HOST}").text, "${HOST} registry.example.com");
  EXPECT_FALSE(expand("$${HOST}").expanded);
}

TEST(Expansion, NeverLooksIntoWhatAVariableHolds) {
  EXPECT_EQ(expand("${NESTED}").text, "${HOST}");
  EXPECT_EQ(expand("${DOLLARS}").text, "$${HOST}");
  EXPECT_EQ(expand("${UNSET:-$HOST}").text, "$HOST");
}

TEST(Expansion, NamesTheVariableThatIsNotSet) {
  const Expansion plain = expand("${UNSET} and ${ABSENT}");
  ASSERT_EQ(plain.complaints.size(), 2U);
  EXPECT_EQ(plain.complaints[0],
            "the environment variable UNSET is not set (set it, or write ${UNSET:-default})");
  EXPECT_EQ(expand("${UNSET:?ask the platform team}").complaints,
            std::vector<std::string>{"UNSET: ask the platform team"});
  EXPECT_EQ(expand("${EMPTY:?must not be empty}").complaints,
            std::vector<std::string>{"EMPTY: must not be empty"});
}

TEST(Expansion, RefusesWhatIsNotWellFormed) {
  for (const std::string text : {"${", "${HOST", "${}", "${1A}", "${A-b}", "${A:b}", "${A:=b}",
                                 "${A B}", "${:-x}", "${Ä}"}) {
    const Expansion expansion = expand(text);
    ASSERT_EQ(expansion.complaints.size(), 1U) << text;
    EXPECT_EQ(expansion.complaints[0].find("hunter2"), std::string::npos);
  }
}

}  // namespace
}  // namespace ocisync
