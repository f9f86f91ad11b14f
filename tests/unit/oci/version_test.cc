#include "oci/version.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace ocisync {
namespace {

TEST(Version, ParsesStrictVersionsOnly) {
  for (const char* text :
       {"0.0.0", "1.2.3", "10.20.30", "1.0.0-alpha.1", "1.0.0-0", "1.0.0--", "1.0.0+001",
        "1.0.0-rc.1+build.5", "1.0.0+21AF26D3---117B344092BD", "18446744073709551615.0.0",
        "1.0.0-0a", "1.0.0-99999999999999999999999"}) {
    const auto version = Version::parse(text);
    ASSERT_TRUE(version) << text;
    EXPECT_EQ(version->str(), text);
  }
  for (const char* text : {"",         "1",         "1.2",           "v1.2.3",
                           "01.2.3",   "1.02.3",    "1.2.03",        "1.2.3.4",
                           "1.2.3-",   "1.2.3+",    "1.2.3-01",      "1.2.3-a..b",
                           "1.2.3-a.", "1.2.3+a+b", "1.2.3+.",       "1.2.3-a_b",
                           " 1.2.3",   "1.2.3 ",    "1.2.x",         "-1.2.3",
                           "1..3",     ".1.2.3",    "1.2.3\n",       "18446744073709551616.0.0",
                           "latest",   "1,2,3",     "1.2.3-\xc3\xa4"})
    EXPECT_FALSE(Version::parse(text)) << text;
}

TEST(Version, IsLimitedInLength) {
  const std::string longest = "1.2.3-" + std::string(250, 'a');
  EXPECT_TRUE(Version::parse(longest));
  EXPECT_FALSE(Version::parse(longest + "a"));
  EXPECT_FALSE(Version::parse_loose(longest + "a"));
  EXPECT_FALSE(Version::parse(std::string(1 << 20, '1')));
}

TEST(Version, LooseReadingFillsInAsHelmDoes) {
  const struct {
    const char* text;
    const char* canonical;
  } rows[] = {{"1", "1.0.0"},
              {"1.2", "1.2.0"},
              {"v1", "1.0.0"},
              {"v1.2.3", "1.2.3"},
              {"01.02.03", "1.2.3"},
              {"5.1-beta", "5.1.0-beta"},
              {"2.5.0-beta", "2.5.0-beta"},
              {"1+m", "1.0.0+m"},
              {"1.2.3-2.0.0", "1.2.3-2.0.0"}};

  for (const auto& row : rows) {
    const auto version = Version::parse_loose(row.text);
    ASSERT_TRUE(version) << row.text;
    EXPECT_EQ(version->str(), row.canonical);
  }
  for (const char* text : {"", "v", "V1", "vv1", "1.2.3.4", "x", "1.x", "latest", "1.", " 1.2.3 "})
    EXPECT_FALSE(Version::parse_loose(text)) << text;
}

TEST(Version, ComesInTheOrderOfTheSpecification) {
  const std::vector<std::string> ascending = {"0.0.0-0",
                                              "0.0.0",
                                              "0.9.9",
                                              "1.0.0-1",
                                              "1.0.0-2",
                                              "1.0.0-10",
                                              "1.0.0-99999999999999999999",
                                              "1.0.0-100000000000000000000",
                                              "1.0.0-alpha",
                                              "1.0.0-alpha.1",
                                              "1.0.0-alpha.beta",
                                              "1.0.0-beta",
                                              "1.0.0-beta.2",
                                              "1.0.0-beta.11",
                                              "1.0.0-rc.1",
                                              "1.0.0",
                                              "1.0.1",
                                              "1.1.0",
                                              "1.10.0",
                                              "2.0.0",
                                              "10.0.0"};
  for (std::size_t i = 0; i < ascending.size(); ++i)
    for (std::size_t j = 0; j < ascending.size(); ++j)
      EXPECT_EQ(*Version::parse(ascending[i]) <=> *Version::parse(ascending[j]), i <=> j)
          << ascending[i] << " and " << ascending[j];
}

TEST(Version, BuildMetadataDoesNotCount) {
  EXPECT_EQ(*Version::parse("1.2.3+a"), *Version::parse("1.2.3+b"));
  EXPECT_EQ(Version::parse("1.2.3-rc.1+a")->metadata(), "a");
  EXPECT_EQ(Version::parse("1.2.3-rc.1+a")->prerelease(), "rc.1");
}

}  // namespace
}  // namespace ocisync
