#include "chart/branch.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "support/temp_directory.h"

namespace ocisync {
namespace {

TEST(Branch, MakesWhatIsMissingAndFindsItAgain) {
  TempDirectory root;
  Branch branch(root.directory(), 0755);
  EXPECT_EQ(&branch.reach(""), &root.directory());
  for (const char* path : {"a/b/c", "a/b", "a/b/d", "e", "a/b/c", "", "a/x"}) {
    branch.reach(path).write_new("here", path, 0644);
    EXPECT_EQ(Directory::open(root.path() / path).read("here", 100), path);
  }
}

TEST(Branch, DoesNotFollowLinksOrEnterFiles) {
  TempDirectory elsewhere;
  TempDirectory root;
  root.directory().link_atomic(elsewhere.path().string(), "link");
  root.directory().write_new("file", "", 0644);
  Branch branch(root.directory(), 0755);
  EXPECT_THROW(branch.reach("link/below"), Error);
  EXPECT_THROW(branch.reach("file/below"), Error);
  EXPECT_TRUE(elsewhere.directory().names().empty());
}

TEST(Branch, TakesPathsApart) {
  EXPECT_EQ(parent_of("a/b/c"), "a/b");
  EXPECT_EQ(parent_of("c"), "");
  EXPECT_EQ(last_of("a/b/c"), "c");
  EXPECT_EQ(last_of("c"), "c");
}

}  // namespace
}  // namespace ocisync
