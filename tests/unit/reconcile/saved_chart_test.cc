#include "reconcile/saved_chart.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "chart/unpacking.h"
#include "reconcile/chart_save.h"
#include "store/cache_folder.h"
#include "store/roots.h"
#include "store/sweep.h"

namespace ocisync {
namespace {

namespace fs = std::filesystem;
using cache_test::CacheFolder;
using cache_test::contents_of;
using cache_test::write_file;
using testing::HasSubstr;

class SavedChartTest : public testing::Test {
 protected:
  SavedChartTest() {
    write_file(source() / "Chart.yaml",
               "apiVersion: v2\nname: mychart\nversion: 2.7.0\ndescription: one\n");
    write_file(source() / "values.yaml", "# kept\na: 1\n");
    write_file(source() / "templates/tests/check.yaml", "kind: Pod\n");
  }

  fs::path source() const { return box.path() / "mychart"; }

  StoredChart save(const fs::path& path, const std::string& tag = "2.7.0") {
    StoredChart stored = store_chart(cache, path, limits);
    keep_chart(references, volume, reference.with_tag(tag), stored.entry);
    return stored;
  }

  SavedChart find() { return *find_saved_chart(cache, references, reference); }

  std::string archive() {
    return gzip(TarBuilder()
                    .file("x/Chart.yaml", "name: mychart # as it came\nversion: 2.7.0\n")
                    .file("x/values.yaml", "a: 1\n")
                    .finished());
  }

  std::size_t blobs() const {
    return Directory::open(folder.path() / "blobs/sha256").names().size();
  }

  TempDirectory box;
  CacheFolder folder;
  Volume volume = folder.open();
  BlobCache cache{volume};
  ReferenceStore references{volume};
  LimitsSpec limits;
  const Reference reference = Reference::parse("localhost:5000/myrepo/mychart:2.7.0");
};

TEST_F(SavedChartTest, IsTheSameWhenItIsSavedAgain) {
  const StoredChart first = save(source());
  EXPECT_TRUE(first.meta.is_new);
  EXPECT_TRUE(first.content.is_new);
  const auto before = tree_below(folder.path());
  const StoredChart second = save(source());
  EXPECT_FALSE(second.meta.is_new);
  EXPECT_FALSE(second.content.is_new);
  EXPECT_EQ(tree_below(folder.path()), before);
}

TEST_F(SavedChartTest, StoresContentOnceWhenChartYamlAloneChanged) {
  const StoredChart first = save(source());
  const std::size_t before = blobs();
  write_file(source() / "Chart.yaml",
             "apiVersion: v2\nname: mychart\nversion: 2.7.1\ndescription: two\n");
  const StoredChart second = save(source(), "2.7.1");
  EXPECT_TRUE(second.meta.is_new);
  EXPECT_FALSE(second.content.is_new);
  EXPECT_EQ(second.entry.content, first.entry.content);
  EXPECT_EQ(blobs(), before + 2);  // meta and manifest
}

TEST_F(SavedChartTest, BecomesOneStandardArchiveThatIsTheSameEachTime) {
  save(source());
  const StandardChart first = standard_chart(cache, find(), limits);
  EXPECT_TRUE(first.assembled);
  EXPECT_EQ(first.metadata.name, "mychart");
  EXPECT_EQ(chart_json(first.metadata),
            R"({"name":"mychart","version":"2.7.0","description":"one","apiVersion":"v2"})");
  EXPECT_EQ(standard_chart(cache, find(), limits).archive.digest, first.archive.digest);
  Unpacking unpacking;
  const UnpackedChart chart = unpacking.run(cache.read(first.archive, 1 << 20));
  EXPECT_EQ(chart.top, "mychart");
  EXPECT_EQ(unpacking.tree()["values.yaml"], "# kept\na: 1\n");
  EXPECT_EQ(read_chart_yaml(chart.chart_yaml).version, "2.7.0");
  EXPECT_TRUE(fs::is_empty(folder.staging()));
}

TEST_F(SavedChartTest, KeepsAnArchiveByteForByte) {
  write_file(box.path() / "mychart-2.7.0.tgz", archive());
  write_file(box.path() / "mychart-2.7.0.tgz.prov", "signed");
  const StoredChart stored = save(box.path() / "mychart-2.7.0.tgz");
  EXPECT_EQ(stored.entry.content, Digest::of(archive()));
  const SavedChart saved = find();
  EXPECT_EQ(saved.chart.manifest.format, ChartFormat::current);
  EXPECT_EQ(cache.read(saved.chart.provenance.value(), 100), "signed");
  const StandardChart standard = standard_chart(cache, saved, limits);
  EXPECT_FALSE(standard.assembled);
  EXPECT_EQ(standard.archive.digest, Digest::of(archive()));
  EXPECT_EQ(cache.read(saved.chart.config, 1000), chart_json(standard.metadata));
}

TEST_F(SavedChartTest, IsUnderstoodWhateverItsManifestLinkNames) {
  StoredChart stored = save(source());
  // What was pushed has other blobs than what was saved.
  stored.entry.manifest =
      cache
          .keep(current_manifest({"", Digest::of("c"), 1, "", {}}, {"", Digest::of("x"), 1, "", {}},
                                 std::nullopt, {}))
          .digest;
  references.put(reference, stored.entry);
  EXPECT_TRUE(find().chart.manifest.split());
  EXPECT_EQ(find().chart.manifest.name, "mychart");
  stored.entry.manifest.reset();
  references.put(reference, stored.entry);
  EXPECT_TRUE(find().chart.manifest.split());

  write_file(box.path() / "whole.tgz", archive());
  StoredChart whole = save(box.path() / "whole.tgz");
  whole.entry.manifest.reset();
  references.put(reference, whole.entry);
  EXPECT_FALSE(find().chart.manifest.split());
}

TEST_F(SavedChartTest, IsFoundThroughAnIndex) {
  write_file(box.path() / "whole.tgz", archive());
  StoredChart stored = save(box.path() / "whole.tgz");
  const Digest image = cache
                           .keep(R"({"schemaVersion":2,"config":{"mediaType":"x","digest":")" +
                                 Digest::of("i").str() + R"(","size":1},"layers":[]})")
                           .digest;
  const auto child = [](const Digest& digest) {
    return R"({"mediaType":"application/vnd.oci.image.manifest.v1+json","size":9,"digest":")" +
           digest.str() + "\"}";
  };
  stored.entry.manifest = cache
                              .keep(R"({"schemaVersion":2,"manifests":[)" + child(image) + "," +
                                    child(*stored.entry.manifest) + "]}")
                              .digest;
  references.put(reference, stored.entry);
  EXPECT_EQ(find().chart.manifest.format, ChartFormat::current);
}

TEST_F(SavedChartTest, IsRefusedWhenABlobIsDamaged) {
  const StoredChart stored = save(source());
  for (const Digest& digest : {stored.entry.meta, stored.entry.content, *stored.entry.manifest}) {
    const fs::path blob = folder.blob(digest);
    const std::string bytes = contents_of(blob);
    fs::permissions(blob, fs::perms(0644));
    write_file(blob, bytes.substr(1) + "?");
    const auto error = failure_of([&] { find(); });
    ASSERT_TRUE(error);
    EXPECT_EQ(error->reason(), Reason::digest_mismatch);
    EXPECT_THAT(error->what(), HasSubstr(digest.str()));
    write_file(blob, bytes);
  }
  find();
  EXPECT_FALSE(find_saved_chart(cache, references, reference.with_tag("other")));
}

TEST_F(SavedChartTest, OutlivesASweepUntilItIsRemoved) {
  save(source());
  const SweepPolicy policy{.everything_unnamed = true};
  const auto later = std::chrono::system_clock::now() + std::chrono::hours(24 * 365);
  EXPECT_EQ(sweep(volume, policy, later).removed_blobs, 0U);
  find();
  references.remove(reference);
  unpin(volume, reference);
  EXPECT_EQ(sweep(volume, policy, later).kept_blobs, 0U);
}

TEST_F(SavedChartTest, IsNotSavedWhenItIsNoChart) {
  const std::string packed = archive();
  for (const auto& [bytes, reason] :
       {std::pair(std::string("no gzip"), Reason::chart_invalid),
        std::pair(packed.substr(0, packed.size() - 9), Reason::chart_invalid),
        std::pair(packed + "trailing", Reason::chart_invalid),
        std::pair(gzip(TarBuilder().file("x/values.yaml", "").finished()), Reason::chart_invalid),
        std::pair(gzip(TarBuilder()
                           .file("x/Chart.yaml", "name: a\nversion: 1.0.0\n")
                           .file("x/../../evil", "")
                           .finished()),
                  Reason::chart_invalid)}) {
    write_file(box.path() / "bad.tgz", bytes);
    EXPECT_EQ(reason_of([&] { store_chart(cache, box.path() / "bad.tgz", limits); }), reason);
  }
  EXPECT_EQ(reason_of([&] { store_chart(cache, box.path() / "gone", limits); }),
            Reason::usage_invalid);
  EXPECT_EQ(reason_of([&] { store_chart(cache, "/dev/null", limits); }), Reason::usage_invalid);
  EXPECT_EQ(blobs(), 0U);
  EXPECT_TRUE(fs::is_empty(folder.staging()));
}

TEST_F(SavedChartTest, IsNotSavedWhenItWouldNotComeOutAgain) {
  limits.archive_size = 100;
  EXPECT_EQ(reason_of([&] { store_chart(cache, source(), limits); }), Reason::limit_exceeded);
  limits = {};
  write_file(source() / "zeros", std::string(8 << 20, '\0'));
  EXPECT_EQ(reason_of([&] { store_chart(cache, source(), limits); }), Reason::limit_exceeded);
  limits.ratio = 2000;
  store_chart(cache, source(), limits);
}

}  // namespace
}  // namespace ocisync
