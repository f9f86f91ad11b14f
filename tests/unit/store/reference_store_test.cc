#include "store/reference_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include "reference_case.h"
#include "store/reference_tree.h"

namespace ocisync {
namespace {

using namespace cache_test;
using testing::UnorderedElementsAre;

class ReferenceStoreTest : public ReferenceCase {
 protected:
  fs::path tag_folder() const {
    return folder.path() / "refs/localhost_5000/myrepo/mychart/tags/2.7.0";
  }
};

TEST_F(ReferenceStoreTest, WritesHelmsTreeWithRelativeLinks) {
  EXPECT_TRUE(references.put(reference, chart.entry("mychart", "2.7.0")));
  const std::string up = "../../../../../../";
  EXPECT_EQ(fs::read_symlink(tag_folder() / "chart"), up + "charts/mychart/versions/2.7.0");
  EXPECT_EQ(fs::read_symlink(tag_folder() / "content"), up + blob_path(chart.content));
  EXPECT_EQ(fs::read_symlink(tag_folder() / "meta"), up + blob_path(chart.meta));
  EXPECT_EQ(fs::read_symlink(tag_folder() / "manifest"), up + blob_path(chart.manifest));
  EXPECT_EQ(contents_of(folder.path() / "charts/mychart/versions/2.7.0"), "-");
  EXPECT_EQ(fs::status(tag_folder()).permissions(), fs::perms{0755});
  for (const char* name : {"chart", "content", "meta", "manifest"})
    EXPECT_TRUE(fs::exists(tag_folder() / name)) << name << " leads nowhere";
}

TEST_F(ReferenceStoreTest, FindsWhatWasPut) {
  references.put(reference, chart.entry("web", "2.7.0+build"));
  const auto entry = references.find(reference);
  ASSERT_TRUE(entry.has_value());
  EXPECT_EQ(entry->name, "web");
  EXPECT_EQ(entry->version, "2.7.0+build");
  EXPECT_EQ(entry->content, chart.content);
  EXPECT_EQ(entry->meta, chart.meta);
  EXPECT_EQ(entry->manifest, chart.manifest);
  EXPECT_FALSE(references.find(Reference::parse("localhost:5000/myrepo/mychart")).has_value());
  EXPECT_FALSE(references.find(reference.with_tag("2.7.1")).has_value());
}

ino_t inode_of(const fs::path& path) {
  struct stat status = {};
  EXPECT_EQ(::lstat(path.c_str(), &status), 0);
  return status.st_ino;
}

TEST_F(ReferenceStoreTest, TouchesNothingThatIsRightAlready) {
  references.put(reference, chart.entry());
  const ino_t meta = inode_of(tag_folder() / "meta");
  EXPECT_FALSE(references.put(reference, chart.entry()));
  EXPECT_EQ(inode_of(tag_folder() / "meta"), meta);
}

TEST_F(ReferenceStoreTest, ForgetsAManifestThatNoLongerBelongs) {
  references.put(reference, chart.entry());
  ReferenceEntry saved = other.entry();
  saved.manifest.reset();
  EXPECT_TRUE(references.put(reference, saved));
  EXPECT_EQ(references.find(reference)->manifest, std::nullopt);
  EXPECT_EQ(references.find(reference)->content, other.content);
}

TEST_F(ReferenceStoreTest, CountsASetWithoutItsBlobsAsAbsent) {
  references.put(reference, chart.entry());
  fs::remove(folder.blob(chart.manifest));
  ASSERT_TRUE(references.find(reference).has_value());
  EXPECT_EQ(references.find(reference)->manifest, std::nullopt);
  fs::remove(folder.blob(chart.meta));
  EXPECT_FALSE(references.find(reference).has_value());
  EXPECT_TRUE(references.tags(reference).empty());
}

TEST_F(ReferenceStoreTest, CountsASetWithoutItsChartFileAsAbsentAndMendsIt) {
  references.put(reference, chart.entry());
  fs::remove_all(folder.path() / "charts");
  EXPECT_FALSE(references.find(reference).has_value());
  EXPECT_TRUE(references.put(reference, chart.entry()));
  EXPECT_TRUE(references.find(reference).has_value());
}

TEST_F(ReferenceStoreTest, UnderstandsAlphaHelmsAbsoluteLinksInAFolderThatHasMoved) {
  const std::string old = "/home/someone/.helm/registry/";
  fs::create_directories(tag_folder());
  fs::create_symlink(old + "charts/mychart/versions/2.7.0", tag_folder() / "chart");
  fs::create_symlink(old + blob_path(chart.content), tag_folder() / "content");
  fs::create_symlink(old + blob_path(chart.meta), tag_folder() / "meta");
  write_file(folder.path() / "charts/mychart/versions/2.7.0", "-");
  const auto entry = references.find(reference);
  ASSERT_TRUE(entry.has_value());
  EXPECT_EQ(entry->name, "mychart");
  EXPECT_EQ(entry->content, chart.content);
  EXPECT_EQ(entry->manifest, std::nullopt);
}

TEST_F(ReferenceStoreTest, SurvivesBeingMovedAsAWhole) {
  references.put(reference, chart.entry());
  const fs::path elsewhere = folder.path().parent_path() / "deeper/down/cache";
  fs::create_directories(elsewhere.parent_path());
  fs::rename(folder.path(), elsewhere);
  const Volume moved = Volume::open(elsewhere, kDefaultModes);
  EXPECT_TRUE(ReferenceStore(moved).find(reference).has_value());
  EXPECT_TRUE(fs::exists(elsewhere / "refs/localhost_5000/myrepo/mychart/tags/2.7.0/content"));
}

TEST_F(ReferenceStoreTest, FollowsNoLinkOutOfTheCache) {
  const std::string no_hex = "../../../../../../blobs/sha256/" + std::string(64, 'g');
  const char* const blob_targets[] = {
      "/etc/passwd",  "blobs/sha256/../../x",           no_hex.c_str(),
      "blobs/sha256", "../../../../../../blobs/md5/00", "///"};
  const char* const chart_targets[] = {"/charts/../versions/1", "charts/x/versions/..",
                                       "charts/x/1", "x/charts/a/tags/1", "/etc/passwd"};
  const auto finds_with = [&](const char* link, const char* target) {
    references.put(reference, chart.entry());
    fs::remove(tag_folder() / link);
    fs::create_symlink(target, tag_folder() / link);
    return references.find(reference).has_value();
  };
  for (const char* target : blob_targets)
    EXPECT_FALSE(finds_with("content", target)) << target;
  for (const char* target : chart_targets)
    EXPECT_FALSE(finds_with("chart", target)) << target;
}

TEST_F(ReferenceStoreTest, ReplacesWhateverStandsInALinksPlace) {
  references.put(reference, chart.entry());
  fs::remove(tag_folder() / "content");
  write_file(tag_folder() / "content/deep/inside", "x");
  fs::remove(tag_folder() / "meta");
  write_file(tag_folder() / "meta", "a file");
  EXPECT_FALSE(references.find(reference).has_value());
  EXPECT_TRUE(references.put(reference, chart.entry()));
  EXPECT_TRUE(references.find(reference).has_value());
}

TEST_F(ReferenceStoreTest, RefusesNamesThatAreNoFileNames) {
  for (const char* name : {"", ".", "..", "a/b", "../../x"}) {
    EXPECT_EQ(reason_of([&] { references.put(reference, chart.entry(name, "1")); }),
              Reason::chart_invalid);
    EXPECT_EQ(reason_of([&] { references.put(reference, chart.entry("a", name)); }),
              Reason::chart_invalid);
  }
  EXPECT_TRUE(fs::is_empty(folder.path() / "charts"));
}

TEST_F(ReferenceStoreTest, RemovesAReferenceAndTheFoldersItLeavesEmpty) {
  const Reference sibling = Reference::parse("localhost:5000/myrepo/other:1");
  references.put(reference, chart.entry());
  references.put(sibling, chart.entry());
  EXPECT_TRUE(references.remove(reference));
  EXPECT_FALSE(references.remove(reference));
  EXPECT_FALSE(fs::exists(folder.path() / "refs/localhost_5000/myrepo/mychart"));
  EXPECT_TRUE(references.find(sibling).has_value());
  EXPECT_TRUE(references.remove(sibling));
  EXPECT_TRUE(fs::is_empty(folder.path() / "refs"));
  EXPECT_TRUE(fs::exists(folder.blob(chart.content))) << "blobs are the sweep's";
}

TEST_F(ReferenceStoreTest, LeavesForeignFilesWhenItRemoves) {
  references.put(reference, chart.entry());
  write_file(tag_folder() / "notes.txt", "mine");
  fs::create_symlink("x", tag_folder() / ".tmp-0123456789abcdef");
  EXPECT_TRUE(references.remove(reference));
  EXPECT_EQ(tree_below(tag_folder()).size(), 1U);
  EXPECT_EQ(contents_of(tag_folder() / "notes.txt"), "mine");
}

TEST_F(ReferenceStoreTest, ListsTheTagsOfARepositoryOnly) {
  references.put(reference, chart.entry());
  references.put(reference.with_tag("3.0.0"), other.entry());
  references.put(Reference::parse("localhost:5000/myrepo/mychart/sub:1"), other.entry());
  references.put(reference.with_digest(chart.manifest), chart.entry());
  fs::create_directories(tag_folder().parent_path() / "empty");
  write_file(tag_folder().parent_path() / "file", "x");
  EXPECT_THAT(references.tags(reference), UnorderedElementsAre("2.7.0", "3.0.0"));
  EXPECT_TRUE(references.tags(Reference::parse("localhost:5000/none")).empty());
}

TEST_F(ReferenceStoreTest, VisitsEveryWholeSetAndPassesOverTheRest) {
  references.put(reference, chart.entry());
  references.put(reference.with_digest(other.manifest), other.entry());
  references.put(Reference::parse("[::1]:5000/tags/digests:x"), other.entry());
  ReferenceStore(volume, ReferenceSource::classic).put(reference, other.entry());
  fs::create_directories(folder.path() / "refs/h.io/A/tags/1");
  write_file(folder.path() / "refs/file", "x");
  write_file(folder.path() / "refs/h.io/a/tags/file", "x");
  fs::create_directory_symlink("/", folder.path() / "refs/root");
  std::vector<std::string> names;
  references.for_each(
      [&](const Reference& visited, const ReferenceEntry&) { names.push_back(visited.str()); });
  EXPECT_THAT(names,
              UnorderedElementsAre(reference.str(), reference.with_digest(other.manifest).str(),
                                   "[::1]:5000/tags/digests:x"));
}

TEST_F(ReferenceStoreTest, WalksNoDeeperThanAReferenceCanBe) {
  std::string path = (folder.path() / "refs").string();
  for (int i = 0; i < 300; ++i)
    path += "/d";
  fs::create_directories(path + "/tags/1");
  int places = 0;
  walk_references(volume, [&](const ReferencePlace&) { ++places; });
  EXPECT_EQ(places, 0);
}

TEST_F(ReferenceStoreTest, TellsSinceWhenAReferenceIsKept) {
  using std::chrono::hours;
  const auto now = std::chrono::system_clock::now();
  const auto age = [&] { return now - references.kept_since(reference, chart.entry()); };
  references.put(reference, chart.entry());
  EXPECT_LT(age(), hours(1));
  CacheFolder::age(folder.blob(chart.content), hours(2));
  EXPECT_GT(age(), hours(1));
  // Using a blob renews its time, not the link's.
  CacheFolder::age(tag_folder() / "content", hours(3));
  CacheFolder::age(folder.blob(chart.content), hours(0));
  EXPECT_GT(age(), hours(2));
  // Neither does another description of the same content.
  ReferenceEntry described = chart.entry();
  described.meta = other.meta;
  EXPECT_TRUE(references.put(reference, described));
  EXPECT_EQ(references.find(reference)->meta, other.meta);
  EXPECT_GT(age(), hours(2));
  references.put(reference, other.entry());
  EXPECT_LT(now - references.kept_since(reference, other.entry()), hours(1));
  references.put(reference, chart.entry(), now - hours(5));
  EXPECT_GT(age(), hours(4));
}

// Every folder on the way is held open, so too few descriptors make the deeper ones unreadable.
// Not under the sanitizers: they open descriptors of their own when an exception passes.
#ifndef __SANITIZE_ADDRESS__
TEST_F(ReferenceStoreTest, AnUnreadableFolderEndsAWalkUnlessItsVisitorIsTold) {
  references.put(reference, chart.entry());
  fs::create_directories(folder.path() / "refs/h.io/a/b/c/d/e/f/g/h/i/j/k/l/m/n/o/p/tags/1");
  rlimit before = {};
  ::getrlimit(RLIMIT_NOFILE, &before);
  const int next = ::dup(0);
  ::close(next);
  const rlimit few = {static_cast<rlim_t>(next) + 12, before.rlim_max};
  ::setrlimit(RLIMIT_NOFILE, &few);
  int visited = 0;
  int unreadable = 0;
  const auto visit = [&](const Reference&, const ReferenceEntry&) { ++visited; };
  const bool ended = failure_of([&] { references.for_each(visit); }).has_value();
  visited = 0;
  references.for_each(visit, [&](const Error&) { ++unreadable; });
  ::setrlimit(RLIMIT_NOFILE, &before);
  EXPECT_TRUE(ended);
  EXPECT_EQ(visited, 1);
  EXPECT_EQ(unreadable, 1);
}
#endif

}  // namespace
}  // namespace ocisync
