#include "chart/one_line.h"

#include <gtest/gtest.h>

namespace ocisync {
namespace {

TEST(OneLine, TurnsEveryKindOfSpaceIntoABlank) {
  EXPECT_EQ(one_line("a\tb\nc\r\nd\ve\f"), "a b c  d e ");
  EXPECT_EQ(one_line("a\u00A0b\u0085c\u1680d\u2003e\u2028f\u2029g\u202Fh\u205Fi\u3000j"),
            "a b c d e f g h i j");
}

TEST(OneLine, DropsWhatCannotBePrinted) {
  EXPECT_EQ(one_line(std::string_view("a\0b\x1b[31mc\x7f", 10)), "ab[31mc");
  EXPECT_EQ(one_line("a\u0080b\u00ADc\u200Bd\u202Ee\u2066f\uFEFFg\uE000h\uFFFFi\U000E0041j"),
            "abcdefghij");
  EXPECT_EQ(one_line("\U0010FFFF\U000F0000"), "");
}

TEST(OneLine, KeepsEverythingElse) {
  for (const char* text : {"", "plain", "<é & ☃>", "日本語", "\U0001F600", "a\u0301", "\"\\/"})
    EXPECT_EQ(one_line(text), text);
}

}  // namespace
}  // namespace ocisync
