#include "base/escape.h"

#include <gtest/gtest.h>

namespace ocisync {
namespace {

TEST(Escape, WritesAPathAsOneName) {
  EXPECT_EQ(escape("web", "/"), "web");
  EXPECT_EQ(escape("team-a/web", "/"), "team-a%2Fweb");
  EXPECT_EQ(escape("50%/web", "/"), "50%25%2Fweb");
  EXPECT_EQ(escape("50%2Fweb", "/"), "50%252Fweb");
}

TEST(Escape, GivesTheTextBack) {
  for (const std::string text : {"", "web", "a/b/c", "%", "%%2F", "line\nbreak", "\xC3\xA9"})
    EXPECT_EQ(unescape(escape(text, "/\n")), text);
}

TEST(Escape, RefusesWhatItDoesNotWrite) {
  for (const char* text : {"%", "%2", "%2f", "%zz", "a%"})
    EXPECT_EQ(unescape(text), std::nullopt) << text;
}

}  // namespace
}  // namespace ocisync
