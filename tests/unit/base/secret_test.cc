#include "base/secret.h"

#include <string>

#include <gtest/gtest.h>

namespace ocisync {
namespace {

TEST(Secret, IsShownToNobodyByAccident) {
  const Secret secret(std::string("hunter2"));
  EXPECT_EQ(fmt::format("password {}", secret), "password [redacted]");
  EXPECT_EQ(fmt::format("{:>12}", secret), "  [redacted]");
  EXPECT_EQ(secret.reveal(), "hunter2");
}

TEST(Secret, IsComparedAndCopiedByContent) {
  const Secret secret(std::string("hunter2"));
  Secret copy(std::string("a much longer secret than the other one"));
  copy = secret;
  EXPECT_EQ(copy, secret);
  const Secret& self = copy;
  copy = self;
  EXPECT_EQ(copy.reveal(), "hunter2");
}

TEST(Secret, LeavesNothingBehindWhenItMoves) {
  for (const std::string text :
       {"short", "long enough to live on the heap and not in the string"}) {
    Secret from(text);
    const Secret to(std::move(from));
    EXPECT_EQ(to.reveal(), text);
    const std::string& rest =
        from.reveal();  // NOLINT(bugprone-use-after-move): that is the question
    EXPECT_TRUE(from.empty());
    for (std::size_t i = 0; i < rest.capacity(); ++i)
      EXPECT_EQ(rest.data()[i], '\0');
  }
}

}  // namespace
}  // namespace ocisync
