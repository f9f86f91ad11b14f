#include "store/takeover.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cache_folder.h"
#include "store/layout_index.h"
#include "store/roots.h"

namespace ocisync {
namespace {

using namespace cache_test;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

// A cache as Helm 3.0.0-alpha.1 left it: absolute links, two blobs a chart, no manifest.
class TakeoverTest : public testing::Test {
 protected:
  TakeoverTest() {
    meta = folder.plant(R"({"apiVersion":"v1"})");
    content = folder.plant("content");
    write_file(folder.path() / "charts/mychart/versions/2.7.0", "-");
    link_as_alpha("/home/somebody/.helm/registry");
  }

  fs::path tag_folder() const {
    return folder.path() / "refs/localhost_5000/myrepo/mychart/tags/2.7.0";
  }

  void link_as_alpha(const std::string& root) const {
    fs::remove_all(tag_folder());
    fs::create_directories(tag_folder());
    fs::create_symlink(root + "/charts/mychart/versions/2.7.0", tag_folder() / "chart");
    fs::create_symlink(root + "/" + blob_path(meta), tag_folder() / "meta");
    fs::create_symlink(root + "/" + blob_path(content), tag_folder() / "content");
  }

  Takeover take_over() const {
    const Volume volume = folder.open();
    BlobCache cache(volume);
    return take_over_alpha(cache, ReferenceStore(volume));
  }

  void replace_link(const std::string& name, const std::string& target) const {
    fs::remove(tag_folder() / name);
    fs::create_symlink(target, tag_folder() / name);
  }

  CacheFolder folder;
  Digest meta = Digest::of("");
  Digest content = Digest::of("");
  const Reference reference = Reference::parse("localhost:5000/myrepo/mychart:2.7.0");
};

TEST_F(TakeoverTest, MakesLinksRelativeAndTheManifestThatAlphaWouldHavePushed) {
  const std::string manifest =
      split_manifest({"", meta, 19, "", {}}, {"", content, 7, "", {}}, "mychart", "2.7.0");
  EXPECT_THAT(take_over().taken, ElementsAre(reference.str()));
  EXPECT_EQ(contents_of(tag_folder() / "manifest"), manifest);
  EXPECT_EQ(contents_of(tag_folder() / "content"), "content");
  for (const char* name : {"chart", "content", "meta", "manifest"})
    EXPECT_TRUE(fs::read_symlink(tag_folder() / name).is_relative()) << name;
  const Volume volume = folder.open();
  rebuild_layout_index(volume, ReferenceStore(volume));
  EXPECT_THAT(contents_of(folder.path() / "index.json"), HasSubstr(Digest::of(manifest).str()));
}

TEST_F(TakeoverTest, KnowsBeforehandWhetherThereIsAnythingToDo) {
  const auto has = [&] {
    const auto volume = Volume::open_read_only(folder.path());
    return has_alpha_references(*volume, ReferenceStore(*volume));
  };
  EXPECT_TRUE(has());
  take_over();
  EXPECT_FALSE(has());
  replace_link("content", "/etc/passwd");
  EXPECT_TRUE(has());
}

TEST_F(TakeoverTest, LosesNothingAndHappensOnce) {
  CacheFolder::age(folder.blob(content), std::chrono::hours(50));
  write_file(folder.path() / "config.json", "{}");
  fs::create_directories(folder.path() / "blobs/.build");
  take_over();
  const auto tree = tree_below(folder.path());
  EXPECT_EQ(tree.at("config.json"), "{}");
  EXPECT_EQ(tree.at(blob_path(content)), "content");
  EXPECT_THAT(take_over().taken, IsEmpty());
  EXPECT_EQ(tree_below(folder.path()), tree);
  const Volume volume = folder.open();
  const ReferenceStore references(volume);
  EXPECT_GT(std::chrono::system_clock::now() -
                references.kept_since(reference, *references.find(reference)),
            std::chrono::hours(49));
}

TEST_F(TakeoverTest, UnderstandsLinksRelativeToTheDirectoryThatAlphaRanIn) {
  link_as_alpha("registry");
  EXPECT_THAT(take_over().taken, ElementsAre(reference.str()));
  EXPECT_EQ(contents_of(tag_folder() / "content"), "content");
}

TEST_F(TakeoverTest, FinishesWhatAKilledTakeoverBegan) {
  take_over();
  fs::remove(tag_folder() / "manifest");
  EXPECT_THAT(take_over().taken, ElementsAre(reference.str()));
  EXPECT_TRUE(fs::exists(tag_folder() / "manifest"));
}

TEST_F(TakeoverTest, RefusesLinksThatLeadOut) {
  for (const auto& [name, target] :
       {std::pair("content", "/etc/passwd"), std::pair("meta", "../../../../../../../etc/passwd"),
        std::pair("chart", "/etc")}) {
    link_as_alpha("/somewhere");
    replace_link(name, target);
    const Takeover takeover = take_over();
    EXPECT_THAT(takeover.taken, IsEmpty());
    EXPECT_THAT(takeover.refused, ElementsAre(HasSubstr(target)));
    EXPECT_EQ(fs::read_symlink(tag_folder() / name), target);
    EXPECT_FALSE(fs::exists(fs::symlink_status(tag_folder() / "manifest")));
  }
}

TEST_F(TakeoverTest, LeavesDamageAloneAndTellsOfIt) {
  write_file(folder.blob(content), "CONTENT");
  EXPECT_THAT(take_over().refused, ElementsAre(HasSubstr("content blob is damaged")));
  write_file(folder.blob(content), "content");
  meta = folder.plant("no json");
  link_as_alpha("/somewhere");
  EXPECT_THAT(take_over().refused, ElementsAre(HasSubstr("tags/2.7.0")));
}

TEST_F(TakeoverTest, LeavesWhatIsNotAlphasAlone) {
  // A whole Chart.yaml: a pull of a later format that was killed before its last link.
  meta = folder.plant(R"({"name":"mychart","version":"2.7.0","apiVersion":"v2"})");
  link_as_alpha("/somewhere");
  const auto before = tree_below(tag_folder());
  const Takeover takeover = take_over();
  EXPECT_THAT(takeover.taken, IsEmpty());
  EXPECT_THAT(takeover.refused, IsEmpty());
  EXPECT_EQ(tree_below(tag_folder()), before);
}

TEST_F(TakeoverTest, MovesAReferenceToWhereItIsLookedFor) {
  const fs::path repository = tag_folder().parent_path().parent_path();
  fs::rename(tag_folder(), tag_folder().parent_path() / "2.7.0+build");
  fs::rename(folder.path() / "refs/localhost_5000", folder.path() / "refs/LOCALHOST_5000");
  EXPECT_THAT(take_over().taken, ElementsAre("localhost:5000/myrepo/mychart:2.7.0_build"));
  EXPECT_EQ(contents_of(repository / "tags/2.7.0_build/content"), "content");
  EXPECT_TRUE(unpin(folder.open(), reference.with_tag("2.7.0+build")));
  // Another by that name is not overwritten.
  fs::rename(repository / "tags/2.7.0_build", repository / "tags/2.7.0+build");
  write_file(repository / "tags/2.7.0_build/mine", "");
  EXPECT_THAT(take_over().refused, ElementsAre(HasSubstr("2.7.0+build")));
  EXPECT_TRUE(fs::exists(repository / "tags/2.7.0+build/content"));
}

TEST_F(TakeoverTest, TellsOfNamesThatAreNoReference) {
  fs::rename(folder.path() / "refs/localhost_5000/myrepo/mychart", folder.path() / "refs/mychart");
  EXPECT_THAT(take_over().refused, ElementsAre(HasSubstr("refs/mychart/tags/2.7.0")));
  EXPECT_TRUE(fs::is_symlink(folder.path() / "refs/mychart/tags/2.7.0/content"));
}

}  // namespace
}  // namespace ocisync
