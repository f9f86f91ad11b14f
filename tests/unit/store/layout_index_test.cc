#include "store/layout_index.h"

#include <gtest/gtest.h>

#include "base/json.h"
#include "cache_folder.h"

namespace ocisync {
namespace {

using namespace cache_test;

class LayoutIndexTest : public testing::Test {
 protected:
  Json index() const { return Json::parse(contents_of(folder.path() / "index.json")); }

  const std::vector<Json> entries() const { return index().find("manifests")->items(); }

  std::vector<std::string> names() const {
    std::vector<std::string> result;
    for (const Json& entry : entries())
      result.push_back(
          *entry.find("annotations")->find("org.opencontainers.image.ref.name")->string());
    return result;
  }

  CacheFolder folder;
  Volume volume = folder.open();
  ReferenceStore references{volume};
  CachedChart chart{folder, "one"};
  const Reference reference = Reference::parse("localhost:5000/myrepo/mychart:2.7.0");
};

TEST_F(LayoutIndexTest, ListsAReferenceAsAnOciImageLayoutDoes) {
  references.put(reference, chart.entry());
  EXPECT_TRUE(rebuild_layout_index(volume, references));
  EXPECT_EQ(contents_of(folder.path() / "index.json"),
            R"({"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json",)"
            R"("manifests":[{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":")" +
                chart.manifest.str() + R"(","size":)" + std::to_string(chart.document().size()) +
                R"(,"annotations":{"org.opencontainers.image.ref.name":)"
                R"("localhost:5000/myrepo/mychart:2.7.0"}}]})");
}

TEST_F(LayoutIndexTest, IsWrittenOnlyWhenItsBytesChange) {
  references.put(reference, chart.entry());
  EXPECT_TRUE(rebuild_layout_index(volume, references));
  EXPECT_FALSE(rebuild_layout_index(volume, references));
  references.put(reference.with_tag("latest"), chart.entry());
  EXPECT_TRUE(rebuild_layout_index(volume, references));
  EXPECT_EQ(names(), (std::vector<std::string>{"localhost:5000/myrepo/mychart:2.7.0",
                                               "localhost:5000/myrepo/mychart:latest"}));
  references.remove(reference);
  references.remove(reference.with_tag("latest"));
  EXPECT_TRUE(rebuild_layout_index(volume, references));
  EXPECT_TRUE(entries().empty());
}

TEST_F(LayoutIndexTest, IsRebuiltWhenDamaged) {
  rebuild_layout_index(volume, references);
  const std::string whole = contents_of(folder.path() / "index.json");
  for (const char* damage : {"", "{", "null"}) {
    write_file(folder.path() / "index.json", damage);
    write_file(folder.path() / "oci-layout", damage);
    EXPECT_TRUE(rebuild_layout_index(volume, references));
    EXPECT_EQ(contents_of(folder.path() / "index.json"), whole);
    EXPECT_EQ(contents_of(folder.path() / "oci-layout"), kOciLayout);
  }
  fs::remove(folder.path() / "index.json");
  fs::create_symlink("/dev/null", folder.path() / "index.json");
  EXPECT_TRUE(rebuild_layout_index(volume, references));
  EXPECT_TRUE(fs::is_regular_file(fs::symlink_status(folder.path() / "index.json")));
}

TEST_F(LayoutIndexTest, LeavesOutWhatACopyWouldMissABlobOf) {
  references.put(reference, chart.entry());
  CachedChart poor(folder, "poor");
  references.put(reference.with_tag("poor"), poor.entry());
  fs::rename(folder.blob(poor.meta), folder.path() / "elsewhere");
  // The set itself is whole: it names other blobs than its manifest does, as after a push.
  ReferenceEntry pushed = chart.entry();
  pushed.manifest = poor.manifest;
  references.put(reference.with_tag("poor"), pushed);
  ReferenceEntry saved = chart.entry();
  saved.manifest.reset();
  references.put(reference.with_tag("without-manifest"), saved);
  rebuild_layout_index(volume, references);
  EXPECT_EQ(names(), std::vector<std::string>{"localhost:5000/myrepo/mychart:2.7.0"});
  fs::rename(folder.path() / "elsewhere", folder.blob(poor.meta));
  rebuild_layout_index(volume, references);
  EXPECT_EQ(names().size(), 2U);
}

TEST_F(LayoutIndexTest, ListsAnIndexOnceAllOfItIsThere) {
  const std::string missing = Digest::of("not here").str();
  const auto put_index = [&](const std::string& second) {
    ReferenceEntry entry = chart.entry();
    entry.manifest = folder.plant(R"({"schemaVersion":2,"manifests":[{"digest":")" +
                                  chart.manifest.str() + R"("},{"digest":")" + second + R"("}]})");
    references.put(reference, entry);
    rebuild_layout_index(volume, references);
  };
  put_index(missing);
  EXPECT_TRUE(entries().empty());
  put_index(chart.manifest.str());
  ASSERT_EQ(entries().size(), 1U);
  EXPECT_EQ(*entries()[0].find("mediaType")->string(), media_type::kIndex);
}

TEST_F(LayoutIndexTest, SaysTheMediaTypeThatTheManifestSays) {
  ReferenceEntry entry = chart.entry();
  entry.manifest = folder.plant(R"({"schemaVersion":2,"mediaType":"application/x","layers":[]})");
  references.put(reference, entry);
  rebuild_layout_index(volume, references);
  ASSERT_EQ(entries().size(), 1U);
  EXPECT_EQ(*entries()[0].find("mediaType")->string(), "application/x");
}

TEST_F(LayoutIndexTest, PassesOverManifestsThatAreNone) {
  for (const char* text : {"", "not json", "[]", "{}", "null", R"({"layers":)"}) {
    ReferenceEntry entry = chart.entry();
    entry.manifest = folder.plant(text);
    references.put(reference, entry);
    rebuild_layout_index(volume, references);
    EXPECT_TRUE(entries().empty()) << text;
  }
}

TEST_F(LayoutIndexTest, DoesNotRunInCircles) {
  // A digest cannot name itself, but a damaged blob may hold anything.
  const Digest digest = folder.plant("to be damaged");
  write_file(folder.blob(digest), R"({"manifests":[{"digest":")" + digest.str() + R"("}]})");
  ReferenceEntry entry = chart.entry();
  entry.manifest = digest;
  references.put(reference, entry);
  rebuild_layout_index(volume, references);
  EXPECT_TRUE(entries().empty());
}

}  // namespace
}  // namespace ocisync
