#include "base/display.h"

#include <gtest/gtest.h>

namespace ocisync {
namespace {

TEST(Display, WideCharactersTakeTwoColumnsAndMarksNone) {
  EXPECT_EQ(display_width("web-1.2.3"), 9U);
  EXPECT_EQ(display_width("größe"), 5U);
  EXPECT_EQ(display_width("海図"), 4U);
  EXPECT_EQ(display_width("e\xCC\x81"), 1U);  // e and a combining acute
  EXPECT_EQ(display_width("\xF0\x9F\x9A\xA2"), 2U);
  EXPECT_EQ(display_width(""), 0U);
  EXPECT_EQ(display_width("\xFF!"), 2U);
}

TEST(Display, FitsExactly) {
  EXPECT_EQ(fit_columns("web", 5), "web  ");
  EXPECT_EQ(fit_columns("web", 3), "web");
  EXPECT_EQ(fit_columns("website", 4), "web…");
  EXPECT_EQ(fit_columns("website", 1), "…");
  EXPECT_EQ(fit_columns("website", 0), "");
}

TEST(Display, NeverCutsACharacterInTwo) {
  EXPECT_EQ(fit_columns("海図室", 4), "海… ");
  EXPECT_EQ(fit_columns("海図室", 5), "海図…");
  for (std::size_t columns = 0; columns < 8; ++columns)
    EXPECT_EQ(display_width(fit_columns("a海b図c", columns)), columns);
}

}  // namespace
}  // namespace ocisync
