#include "export/tree_name.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace ocisync {
namespace {

const Digest kManifest = Digest::of("manifest");
const TreeName kTree{ExportFormat::both, kManifest};

TEST(TreeName, EndsALinkInTheRevisionItShows) {
  const std::string name = "sha256-" + kManifest.hex();
  EXPECT_EQ(link_target("web", kTree), ".ocisync/trees/both/" + name);
  EXPECT_EQ(link_target("team-a/web", kTree), "../.ocisync/trees/both/" + name);
  EXPECT_EQ(link_target("a/b/c", kTree), "../../.ocisync/trees/both/" + name);
}

TEST(TreeName, IsReadBackFromALink) {
  for (const char* path : {"web", "team-a/web", "a/b/c"})
    EXPECT_EQ(parse_link_target(path, link_target(path, kTree)), kTree) << path;
}

TEST(TreeName, IsNotSeenInLinksToOtherPlaces) {
  const std::string name = "sha256-" + kManifest.hex();
  const std::vector<std::string> targets = {"",
                                            name,
                                            "/charts/.ocisync/trees/both/" + name,
                                            "../.ocisync/trees/both/" + name,
                                            ".ocisync/trees/other/" + name,
                                            ".ocisync/trees/both/sha256-12",
                                            ".ocisync/trees/both/" + name + "/",
                                            "./.ocisync/trees/both/" + name};
  for (const std::string& target : targets)
    EXPECT_EQ(parse_link_target("web", target), std::nullopt) << target;
}

}  // namespace
}  // namespace ocisync
