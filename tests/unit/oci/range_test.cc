#include <algorithm>
#include <random>

#include <gtest/gtest.h>

#include "oci/version.h"
#include "support/failure.h"

namespace ocisync {
namespace {

// What helm 4.1.4 chose among these tags, observed.
const std::vector<std::string> kTags = {"0.0.0",      "0.0.5", "0.1.0",        "0.2.0",
                                        "1.0.0",      "1.2.3", "1.2.9",        "1.3.0",
                                        "2.0.0-rc.1", "2.0.0", "2.5.0-beta.2", "3.0.0-alpha"};

std::string chosen(const std::vector<std::string>& tags, std::string_view range) {
  return highest_tag(tags, VersionRange::parse(range), range).value_or("none");
}

TEST(VersionRange, ChoosesTheTagThatHelmChooses) {
  const struct {
    const char* tag;
    std::vector<std::string> ranges;
  } rows[] = {
      {"2.0.0",
       {"*", "x", "X", "~*", "~0.0.0", ">1", "> 1.0.0", "=>1.0", "1.2.3 - 2", ">=1 || <1"}},
      {"0.0.0", {"^*", "^0.0.0"}},
      {"0.0.5", {"^0.0", "~0.0.1"}},
      {"0.2.0", {"^0"}},
      {"0.1.0", {"^0.1"}},
      {"2.5.0-beta.2", {">=1.0.0-0 <2.5.0", "^2-0", "~2.5.0-beta"}},
      {"1.3.0",
       {">=1.0.0, <2.0.0-0", "<2.0.0", "<=1", "!=2", "!=2.x", ">=1.0.0 !=2.0.0", "1.x.x", "1.*",
        "1.2.3 || 1.3"}},
      {"1.2.9", {"<1.3", "=<1.2", "~>1.2", "~ 1.2", "1.2 , <2", "1.0.0 - 1.2 || 0.0.5"}},
      {"1.2.3", {"=v1.2.3", " 1.2.3 ", ">1.0.0 <1.2.4 || 0.2.0"}},
      {"3.0.0-alpha", {">=2.1-0", ">0.0.0-0"}},
      {"none", {"1.2.3,2.0.0"}},
  };

  for (const auto& row : rows)
    for (const std::string& range : row.ranges)
      EXPECT_EQ(chosen(kTags, range), row.tag) << range;
}

TEST(VersionRange, ExcludingAVersionDoesNotInvitePrereleases) {
  EXPECT_EQ(chosen({"1.9.0", "1.10.0", "2.0.0", "3.0.0-beta"}, "!=2.0.0"), "1.10.0");
}

TEST(VersionRange, AnyStableMeansTheNewestRelease) {
  EXPECT_EQ(highest_tag(kTags, VersionRange::any_stable(), ""), "2.0.0");
  EXPECT_FALSE(highest_tag({"1.0.0-rc.1"}, VersionRange::any_stable(), ""));
}

TEST(VersionRange, LeavesWholeVersionsToBeTakenAsTags) {
  for (const char* text : {"0", "0.0", "v1", "1.2.3-2.0.0", "2.5.0-beta"})
    EXPECT_TRUE(Version::parse_loose(text)) << text;
  EXPECT_FALSE(Version::parse_loose(" 1.2.3 ")) << "blanks make it a range";
}

TEST(VersionRange, RefusesWhatIsNoRangeAndSaysWhy) {
  for (const char* text : {"1.2.3.4",   "abc",
                           " ",         "",
                           "latest",    "1.2.3 ||",
                           "|| 1",      "1 | 2",
                           "1|||2",     "1,,2",
                           "1,",        ",1",
                           ">",         ">=",
                           "> =1",      "=>=1",
                           ">1<2",      "1 -2",
                           "1- 2",      "1 - ",
                           " - 2",      "1 - 2 - 3",
                           ">1 - 2",    "!1",
                           "!!1",       "==1",
                           "~~1",       "^^1",
                           "~<1",       "1.2x",
                           "xx",        "1.x.y",
                           "1.**",      "vv1",
                           "v",         "1.",
                           ".1",        "1..2",
                           "1.2.3-",    "1.2.3+",
                           "1.2.3-01",  "1.2.3_a",
                           "(1)",       "1;2",
                           "1 && 2",    "18446744073709551616",
                           "1.2.3\x01", "\xc2\xa0",
                           "1.x.\n-"}) {
    const auto error = failure_of([&] { VersionRange::parse(text); });
    ASSERT_TRUE(error) << '"' << text << '"';
    EXPECT_EQ(error->reason(), Reason::reference_invalid) << text;
    EXPECT_FALSE(error->hint().empty());
    EXPECT_EQ(error->message().find('\x01'), std::string::npos);
  }
  EXPECT_TRUE(failure_of([] { VersionRange::parse(">=1" + std::string(256, ' ')); }));
  EXPECT_EQ(failure_of([] { VersionRange::parse(">=1 latest"); })->message(),
            "\"latest\" is not a version");
}

TEST(VersionRange, AdmitsAndExcludesByEveryOperator) {
  const struct {
    const char* range;
    const char* version;
    bool admitted;
  } rows[] = {
      {"1", "1.9.9", true},
      {"1", "2.0.0", false},
      {"=1.2", "1.2.7", true},
      {"=1.2", "1.3.0", false},
      {"1.2.3", "1.2.3+meta", true},
      {"1.2.3+a", "1.2.3+b", true},
      {"1.x.3", "1.4.0", true},
      {"x.1.2", "7.0.0", true},
      {"!=1.2", "1.2.5", false},
      {"!=1.2", "1.3.0", true},
      {"!=1.2", "2.2.0", true},
      {"!=*", "0.0.0", false},
      {"!=*", "0.0.1", true},
      {"!=1.2-a", "1.2.0-a", false},
      {"!=1.2-a", "1.2.0-b", true},
      {"!=1.2-a", "1.2.0", true},
      {">1", "1.9.0", false},
      {">1", "2.0.0", true},
      {">1.2", "1.2.9", false},
      {">1.2", "1.3.0", true},
      {">1.2", "2.0.0", true},
      {">1.2", "0.9.0", false},
      {">*", "0.0.1", true},
      {">*", "0.0.0", false},
      {">=1.2", "1.2.0", true},
      {"<1.2", "1.1.9", true},
      {"<1.2", "1.2.0", false},
      {"<=1", "1.9.9", true},
      {"<=1", "2.0.0", false},
      {"<=1.2", "1.2.9", true},
      {"<=1.2", "1.3.0", false},
      {"<=1.2", "0.9.0", true},
      {"<=*", "0.0.7", true},
      {"<=*", "0.1.0", false},
      {"<=1.2.3", "1.2.3", true},
      {"<=1.2.3", "1.2.4", false},
      {"~1.2.3", "1.2.2", false},
      {"~1.2.3", "1.2.9", true},
      {"~1.2.3", "1.3.0", false},
      {"~1", "1.9.0", true},
      {"~1", "2.0.0", false},
      {"~0.0", "0.0.9", true},
      {"~0.0", "0.1.0", false},
      {"~0", "0.9.0", true},
      {"~0", "1.0.0", false},
      {"~0.0.0-0", "4.0.0-a", true},
      {"^1.2.3", "1.9.0", true},
      {"^1.2.3", "1.2.2", false},
      {"^1.2.3", "2.0.0", false},
      {"^0.2.3", "0.2.9", true},
      {"^0.2.3", "0.3.0", false},
      {"^0.0.3", "0.0.3", true},
      {"^0.0.3", "0.0.4", false},
      {"^0.0", "0.0.9", true},
      {"^0.0", "0.1.0", false},
      {"^0", "0.9.9", true},
      {"^0", "1.0.0", false},
      {"^1.2.3", "1.3.0-rc.1", false},
      {"^1.2.3-0", "1.3.0-rc.1", true},
      {"^1.2.3-b", "1.2.3-a", false},
      {"<2 || >3-0", "4.0.0-a", true},
      {"<2-0 || >3", "4.0.0-a", false},
      {"1 - 2, !=1.5.0", "1.5.0", false},
      {"1\t-\t2", "2.9.0", true},
      {"1.2 - 1.4.5", "1.4.6", false},
      {"1 - 2 <2", "1.5.0", true},
  };

  for (const auto& row : rows)
    EXPECT_EQ(VersionRange::parse(row.range).contains(*Version::parse(row.version)), row.admitted)
        << row.range << " and " << row.version;
}

TEST(HighestTag, LooksOnlyAtTagsThatAreStrictVersions) {
  EXPECT_EQ(chosen({"latest", "v9.0.0", "8", "8.1", "08.1.0", "7.0.0.1", "6.0.0_a_b",
                    "sha256-00.sig", "1.0.0"},
                   "*"),
            "1.0.0");
  EXPECT_EQ(chosen({}, "*"), "none");
  EXPECT_EQ(chosen({"latest"}, "*"), "none");
}

TEST(HighestTag, ReadsUnderscoresAsPlus) {
  EXPECT_EQ(chosen({"1.0.0", "1.2.3_build.1"}, "1.2.x"), "1.2.3_build.1");
}

TEST(HighestTag, TakesATagThatSaysExactlyTheRange) {
  EXPECT_EQ(chosen({"1.2.9", "1.2"}, "1.2"), "1.2");
  EXPECT_EQ(chosen({"1.2.3_b", "1.2.3_a"}, "1.2.3+a"), "1.2.3_a");
}

TEST(HighestTag, DoesNotDependOnTheOrderTheRegistryLists) {
  std::vector<std::string> tags = {"1.2.3_a", "1.2.3", "1.2.3_b", "1.2.2", "1.2.3-rc.1"};
  std::minstd_rand random(7);
  for (int i = 0; i < 50; ++i) {
    std::shuffle(tags.begin(), tags.end(), random);
    EXPECT_EQ(chosen(tags, ">=1"), "1.2.3_b");
  }
}

}  // namespace
}  // namespace ocisync
