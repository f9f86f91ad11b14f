#include "store/sweep.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cache_folder.h"

namespace ocisync {
namespace {

using namespace cache_test;
using std::chrono::hours;
using testing::ElementsAre;

class SweepTest : public testing::Test {
 protected:
  bool there(const Digest& digest) const { return fs::exists(folder.blob(digest)); }

  Digest plant_old(std::string_view bytes, hours age) const {
    const Digest digest = folder.plant(bytes);
    CacheFolder::age(folder.blob(digest), age);
    return digest;
  }

  // A cached chart under a tag, last used so long ago.
  CachedChart cached(const std::string& tag, hours age) const {
    CachedChart chart(folder, tag);
    references.put(reference.with_tag(tag), chart.entry());
    for (const Digest& digest : {chart.content, chart.meta, chart.manifest})
      CacheFolder::age(folder.blob(digest), age);
    CacheFolder::age(folder.path() / "refs/localhost_5000/a/mychart/tags" / tag, age);
    return chart;
  }

  bool whole(const CachedChart& chart) const {
    return there(chart.content) && there(chart.meta) && there(chart.manifest);
  }

  SweepReport run(const SweepPolicy& policy = {}) const { return sweep(volume, policy, now); }

  CacheFolder folder;
  Volume volume = folder.open();
  ReferenceStore references{volume};
  const Reference reference = Reference::parse("localhost:5000/a/mychart:1");
  const WallTime now = std::chrono::system_clock::now();
};

TEST_F(SweepTest, RemovesWhatNobodyNamedForADay) {
  const CachedChart old = cached("old", hours(25));
  const CachedChart young = cached("young", hours(23));
  const SweepReport report = run();
  EXPECT_FALSE(there(old.content) || there(old.meta) || there(old.manifest));
  EXPECT_TRUE(whole(young));
  EXPECT_FALSE(fs::exists(folder.path() / "refs/localhost_5000/a/mychart/tags/old"));
  EXPECT_TRUE(references.find(reference.with_tag("young")).has_value());
  EXPECT_EQ(report.removed_blobs, 3U);
  EXPECT_EQ(report.kept_blobs, 3U);
  EXPECT_EQ(report.removed_references, 1U);
  EXPECT_EQ(run().removed_blobs, 0U);
}

TEST_F(SweepTest, KeepsWhatRootsAndPinsName) {
  const CachedChart rooted = cached("rooted", hours(999));
  const CachedChart pinned = cached("pinned", hours(999));
  const CachedChart named = cached("named", hours(999));
  const CachedChart unnamed = cached("unnamed", hours(999));
  write_roots(volume, "platform",
              {{rooted.content, rooted.meta, rooted.manifest}, {reference.with_tag("named").str()}},
              now);
  pin(volume, reference.with_tag("pinned"));
  SweepPolicy policy;
  policy.everything_unnamed = true;
  policy.max_size = 0;
  run(policy);
  EXPECT_TRUE(whole(rooted));
  EXPECT_TRUE(whole(pinned));
  EXPECT_TRUE(whole(named));
  EXPECT_FALSE(there(unnamed.content));
}

TEST_F(SweepTest, KeepsWhatANamedManifestLeadsTo) {
  const CachedChart chart = cached("pinned", hours(99));
  const Digest provenance = plant_old("prov", hours(99));
  const Digest index = plant_old(R"({"manifests":[{"digest":")" + chart.manifest.str() +
                                     R"("}],"layers":[{"digest":")" + provenance.str() + R"("}]})",
                                 hours(99));
  ReferenceEntry entry = chart.entry();
  entry.manifest = index;
  references.put(reference.with_tag("pinned"), entry);
  pin(volume, reference.with_tag("pinned"));
  run();
  EXPECT_TRUE(whole(chart));
  EXPECT_TRUE(there(index));
  EXPECT_TRUE(there(provenance));
}

TEST_F(SweepTest, KeepsWhatAManifestInTheRootsLeadsTo) {
  const CachedChart chart = cached("superseded", hours(99));
  references.remove(reference.with_tag("superseded"));
  write_roots(volume, "platform", {{chart.manifest}, {}}, now);
  run();
  EXPECT_TRUE(whole(chart));
}

TEST_F(SweepTest, NeverTouchesWhatIsYoungerThanTheFloor) {
  const Digest young = plant_old("young", hours(0));
  const Digest old = plant_old("old", hours(2));
  SweepPolicy policy;
  policy.everything_unnamed = true;
  policy.max_size = 0;
  policy.min_age = hours(0);
  run(policy);
  EXPECT_TRUE(there(young));
  EXPECT_FALSE(there(old));
}

TEST_F(SweepTest, RemovesTheLeastRecentlyUsedUntilTheSizeFits) {
  const Digest first = plant_old(std::string(1000, '1'), hours(5));
  const Digest second = plant_old(std::string(1000, '2'), hours(4));
  const Digest third = plant_old(std::string(1000, '3'), hours(3));
  SweepPolicy policy;
  policy.max_size = 1500;
  const SweepReport report = run(policy);
  EXPECT_FALSE(there(first) || there(second));
  EXPECT_TRUE(there(third));
  EXPECT_EQ(report.removed_bytes, 2000U);
  EXPECT_EQ(report.kept_bytes, 1000U);
}

TEST_F(SweepTest, CountsNamedContentTowardsTheSize) {
  const Digest named = plant_old(std::string(2000, '1'), hours(5));
  const Digest unnamed = plant_old(std::string(10, '2'), hours(4));
  write_roots(volume, "o", {{named}, {}}, now);
  SweepPolicy policy;
  policy.max_size = 1500;
  run(policy);
  EXPECT_TRUE(there(named));
  EXPECT_FALSE(there(unnamed));
}

TEST_F(SweepTest, SaysWhatItWouldDoWithoutDoingIt) {
  cached("old", hours(25));
  write_file(folder.staging() / "blob-left", "x");
  const auto before = tree_below(folder.path());
  SweepPolicy policy;
  policy.dry_run = true;
  const SweepReport report = run(policy);
  EXPECT_EQ(report.removed_blobs, 3U);
  EXPECT_EQ(report.removed_references, 1U);
  EXPECT_EQ(tree_below(folder.path()), before);
  const auto reading = Volume::open_read_only(folder.path());
  EXPECT_EQ(sweep(*reading, policy, now).removed_blobs, 3U);
}

TEST_F(SweepTest, RemovesNothingWhileSomeonesRootsCannotBeRead) {
  const CachedChart old = cached("old", hours(99));
  write_file(folder.path() / ".ocisync/roots/damaged.json", "");
  SweepPolicy policy;
  policy.everything_unnamed = true;
  const SweepReport report = run(policy);
  EXPECT_TRUE(whole(old));
  EXPECT_TRUE(references.find(reference.with_tag("old")).has_value());
  EXPECT_THAT(report.unreadable_roots, ElementsAre("damaged"));
  EXPECT_EQ(report.removed_blobs, 0U);
  CacheFolder::age(folder.path() / ".ocisync/roots/damaged.json", hours(24 * 8));
  EXPECT_THAT(run(policy).expired_roots, ElementsAre("damaged"));
  EXPECT_FALSE(there(old.content));
}

TEST_F(SweepTest, WarnsOfExpiredRootsOnce) {
  const Digest blob = plant_old("x", hours(99));
  write_roots(volume, "gone", {{blob}, {}}, now - hours(24 * 8));
  EXPECT_THAT(run().expired_roots, ElementsAre("gone"));
  EXPECT_FALSE(there(blob));
  EXPECT_TRUE(run().expired_roots.empty());
}

TEST_F(SweepTest, RemovesReferencesLeftWithoutTheirBlobs) {
  const CachedChart chart = cached("torn", hours(25));
  fs::remove(folder.blob(chart.content));
  fs::create_directories(folder.path() / "refs/h.io/failed/tags/1");
  CacheFolder::age(folder.path() / "refs/h.io/failed/tags/1", hours(2));
  const CachedChart fresh = cached("being-written", hours(0));
  fs::remove(folder.blob(fresh.content));
  const SweepReport report = run();
  EXPECT_EQ(report.removed_references, 2U);
  EXPECT_FALSE(fs::exists(folder.path() / "refs/h.io"));
  EXPECT_TRUE(fs::exists(folder.path() / "refs/localhost_5000/a/mychart/tags/being-written"));
}

TEST_F(SweepTest, SharesBlobsBetweenReferences) {
  const CachedChart chart = cached("pinned", hours(25));
  references.put(reference.with_tag("alias"), chart.entry());
  pin(volume, reference.with_tag("pinned"));
  run();
  EXPECT_TRUE(whole(chart));
  EXPECT_TRUE(references.find(reference.with_tag("alias")).has_value());
}

TEST_F(SweepTest, LeavesForeignFilesAndWhatTheyLink) {
  const Digest linked = plant_old("linked", hours(99));
  const fs::path foreign = folder.path() / "refs/mychart/tags/1.0";  // a reference without a host
  fs::create_directories(foreign);
  fs::create_symlink(folder.blob(linked), foreign / "content");
  write_file(folder.path() / "blobs/sha256/README", "x");
  write_file(folder.path() / "blobs/.build/x", "x");
  write_file(folder.path() / "blobs/sha256" / std::string(64, 'a') / "folder", "x");
  write_file(folder.path() / "lost+found/x", "x");
  write_file(folder.path() / ".tmp-build/x", "x");
  write_file(folder.path() / ".tmp-0123456789abcdeg", "x");
  write_file(folder.path() / ".tmp-0123456789abcdef0", "x");
  write_file(folder.path() / ".tmp-0123456789abcdef/x", "x");  // we write no directory here
  const auto before = tree_below(folder.path());
  SweepPolicy policy;
  policy.everything_unnamed = true;
  sweep(volume, policy, now + hours(1000));
  EXPECT_EQ(tree_below(folder.path()), before);
}

TEST_F(SweepTest, KeepsWhatAnAlphaHelmSaved) {
  const CachedChart chart = cached("saved", hours(999));
  fs::remove_all(folder.path() / ".ocisync");
  fs::remove(folder.path() / "oci-layout");
  const Volume taken_over = folder.open();
  SweepPolicy policy;
  policy.everything_unnamed = true;
  sweep(taken_over, policy, now);
  EXPECT_TRUE(whole(chart));
}

TEST_F(SweepTest, KeepsWhatWasSavedWhenPinsWereLostSinceTheCacheWasOpened) {
  const CachedChart chart = cached("saved", hours(999));
  pin(volume, reference.with_tag("saved"));
  fs::remove_all(folder.path() / ".ocisync");
  write_roots(volume, "platform", {}, now);
  SweepPolicy policy;
  policy.everything_unnamed = true;
  run(policy);
  EXPECT_TRUE(whole(chart));
  EXPECT_TRUE(references.find(reference.with_tag("saved")).has_value());
}

TEST_F(SweepTest, ClearsLeftoversOfKilledProcesses) {
  cached("tag", hours(0));
  const fs::path tag = folder.path() / "refs/localhost_5000/a/mychart/tags/tag";
  const auto before = tree_below(folder.path());
  for (const fs::path& place : {folder.path(), folder.path() / ".ocisync", tag,
                                folder.path() / ".ocisync/roots", folder.path() / ".ocisync/pins"})
    write_file(place / ".tmp-0123456789abcdef", "x");
  run();
  EXPECT_EQ(tree_below(folder.path()).size(), before.size() + 5) << "they may be in use";
  sweep(volume, {}, now + hours(2));
  EXPECT_EQ(tree_below(folder.path()), before);
}

TEST_F(SweepTest, SparesABlobThatSomeoneJustUsed) {
  const Digest old = plant_old("old", hours(30));
  BlobCache cache(volume);
  ASSERT_TRUE(cache.find(old).has_value());
  run();
  EXPECT_TRUE(there(old));
}

TEST_F(SweepTest, OfAnEmptyCacheIsNothing) {
  const SweepReport report = run();
  EXPECT_EQ(report.removed_blobs + report.kept_blobs + report.removed_references, 0U);
}

}  // namespace
}  // namespace ocisync
