#include "base/text.h"

#include <array>
#include <cstdint>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/utf8.h"

namespace ocisync {
namespace {

using testing::ElementsAre;

TEST(Text, TrimsSplitsAndComparesWithoutLocale) {
  EXPECT_EQ(trim(" \t a b\r\n"), "a b");
  EXPECT_EQ(trim(" \n"), "");
  EXPECT_THAT(split("a//b/", '/'), ElementsAre("a", "", "b", ""));
  EXPECT_THAT(split("", ','), ElementsAre(""));
  EXPECT_EQ(lower("ÄBC-Z"), "Äbc-z");
  EXPECT_TRUE(equal_ignoring_case("Content-Type", "content-tYPE"));
  EXPECT_FALSE(equal_ignoring_case("a", "ab"));
}

TEST(Printable, KeepsOrdinaryTextOfEveryLanguage) {
  EXPECT_EQ(printable("Helm – Ünïcode ✓ 図 🚀"), "Helm – Ünïcode ✓ 図 🚀");
}

TEST(Printable, LeavesNothingThatMovesTheCursorBreaksTheLineOrReordersIt) {
  EXPECT_EQ(printable("a\x1b[31m\r\n\tb\x7f"), "a\\x1b[31m\\x0d\\x0a\\x09b\\x7f");
  EXPECT_EQ(printable(std::string_view("\0x", 2)), "\\x00x");
  EXPECT_EQ(printable("\u0085"), "\\xc2\\x85");
  EXPECT_EQ(printable("\u2028"), "\\xe2\\x80\\xa8");
  EXPECT_EQ(printable("\u202Egnp.exe"), "\\xe2\\x80\\xaegnp.exe");
  EXPECT_EQ(printable("\u2067"), "\\xe2\\x81\\xa7");
  EXPECT_EQ(printable("\xff\xc3"), "\\xff\\xc3");
}

TEST(Printable, CutsAtTheLimitButNeverInsideACharacter) {
  EXPECT_EQ(printable("abcdef", 6), "abcdef");
  EXPECT_EQ(printable("abcdefg", 6), "abcdef…");
  EXPECT_EQ(printable("abäcd", 3), "ab…");
  EXPECT_EQ(printable("ab\x01", 4), "ab…");
}

TEST(Utf8, RefusesWhatDecodersHaveBeenFooledBy) {
  EXPECT_TRUE(valid_utf8("a\u00e9\u20ac\U0001F680"));
  for (const std::string_view bad :
       {"\x80", "\xc3", "\xc0\xaf", "\xe0\x80\xaf", "\xf0\x80\x80\xaf", "\xed\xa0\x80",
        "\xf4\x90\x80\x80", "\xff", "\xf8\x88\x80\x80\x80"})
    EXPECT_FALSE(valid_utf8(bad));
}

TEST(Base64, FollowsTheRfcVectors) {
  const std::pair<std::string_view, std::string_view> vectors[] = {{"", ""},
                                                                   {"f", "Zg=="},
                                                                   {"fo", "Zm8="},
                                                                   {"foo", "Zm9v"},
                                                                   {"foob", "Zm9vYg=="},
                                                                   {"fooba", "Zm9vYmE="},
                                                                   {"foobar", "Zm9vYmFy"},
                                                                   {"\xff\xfe", "//4="}};
  for (const auto& [plain, encoded] : vectors) {
    EXPECT_EQ(base64_encode(plain), encoded);
    EXPECT_EQ(base64_decode(encoded), plain);
  }
}

TEST(Base64, AcceptsMissingPaddingAndNothingElse) {
  EXPECT_EQ(base64_decode("Zg"), "f");
  EXPECT_EQ(base64_decode(" Zm8=\n"), "fo");
  for (const std::string_view bad :
       {"Z", "Zg=", "Z===", "=", "Zm9v====", "Zm-v", "Zm 9v", "Zg==Zg=="})
    EXPECT_FALSE(base64_decode(bad)) << bad;
}

TEST(Nearest, GuessesATypoAndStaysSilentAboutTheRest) {
  constexpr std::array<std::string_view, 3> kKnown = {"version", "repository", "name"};
  EXPECT_EQ(nearest("versoin", kKnown), "version");
  EXPECT_EQ(nearest("Repositroy", kKnown), "repository");
  EXPECT_FALSE(nearest("interval", kKnown));
}

TEST(HumanSize, UsesBinaryUnits) {
  EXPECT_EQ(human_size(454), "454 B");
  EXPECT_EQ(human_size(4403), "4.3 KiB");
  EXPECT_EQ(human_size(1ULL << 30U), "1.0 GiB");
  EXPECT_EQ(human_size(UINT64_MAX), "16.0 EiB");
}

TEST(Hex, WritesLowerCasePairs) {
  const std::array<std::uint8_t, 3> bytes = {0x00, 0xab, 0xff};
  EXPECT_EQ(to_hex(bytes), "00abff");
}

}  // namespace
}  // namespace ocisync
