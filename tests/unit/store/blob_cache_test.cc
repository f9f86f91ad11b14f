#include "store/blob_cache.h"

#include <functional>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "cache_folder.h"

namespace ocisync {
namespace {

using namespace cache_test;
using testing::HasSubstr;

class BlobCacheTest : public testing::Test {
 protected:
  std::string read(BlobCache& from, const BlobFile& blob) { return from.read(blob, 1 << 20); }

  CacheFolder folder;
  Volume volume = folder.open();
  BlobCache cache{volume};
};

TEST_F(BlobCacheTest, FetchesOnceAndServesFromDiskAfterwards) {
  Served served("content");
  const BlobFile blob = cache.ensure(served.descriptor(), served.fetch(), {});
  EXPECT_EQ(read(cache, blob), "content");
  EXPECT_EQ(read(cache, cache.ensure(served.descriptor(), served.fetch(), {})), "content");
  BlobCache next_start(volume);
  EXPECT_EQ(read(next_start, *next_start.find(served.descriptor())), "content");
  EXPECT_EQ(served.requests, 1);
  EXPECT_EQ(cache.counts().hits, 1U);
  EXPECT_EQ(cache.counts().misses, 1U);
  EXPECT_TRUE(fs::is_empty(folder.staging()));
}

TEST_F(BlobCacheTest, ProtectsBlobsFromBeingWritten) {
  cache.keep("content");
  EXPECT_EQ(fs::status(folder.blob("content")).permissions(), fs::perms(0444));
}

TEST_F(BlobCacheTest, TakesAnEmptyBlob) {
  Served served("");
  EXPECT_EQ(read(cache, cache.ensure(served.descriptor(), served.fetch(), {})), "");
  EXPECT_EQ(cache.find(Digest::of(""))->size, 0U);
}

TEST_F(BlobCacheTest, TakesAnotherDigestAlgorithm) {
  Hasher hasher(DigestAlgorithm::sha512);
  hasher.update(as_bytes("content"));
  const Digest digest = hasher.finish();
  cache.keep("content", digest);
  EXPECT_EQ(contents_of(folder.path() / "blobs/sha512" / digest.hex()), "content");
  EXPECT_TRUE(BlobCache(volume).find(digest).has_value());
}

TEST_F(BlobCacheTest, TakesABlobInManyPiecesAndOneCutInTheMiddle) {
  const std::string bytes(3'000'000, 'x');
  const auto fetch = [&](BlobWriter& writer) {
    writer.write(as_bytes(std::string_view(bytes).substr(0, 1'000'000)));
    writer.restart();
    EXPECT_EQ(writer.written(), 0U);
    while (writer.written() < bytes.size())
      writer.write(as_bytes(std::string_view(bytes).substr(writer.written(), 70'001)));
  };
  const BlobFile blob = cache.ensure(descriptor_of(bytes), fetch, {});
  EXPECT_EQ(cache.read(blob, bytes.size()), bytes);
  EXPECT_EQ(reason_of([&] { cache.read(blob, bytes.size() - 1); }), Reason::limit_exceeded);
}

// What a blob's place on disk may look like after accidents and attacks.
struct HostileState {
  const char* name;
  std::function<void(const fs::path&)> make;
};

class HostileBlob : public BlobCacheTest, public testing::WithParamInterface<HostileState> {};

TEST_P(HostileBlob, CountsAsAbsentAndIsReplaced) {
  Served served("content");
  const fs::path place = folder.blob("content");
  GetParam().make(place);
  EXPECT_FALSE(cache.find(served.descriptor()).has_value());
  EXPECT_FALSE(cache.find(served.descriptor()).has_value());
  EXPECT_EQ(cache.counts().damaged, 1U);
  EXPECT_TRUE(fs::exists(fs::symlink_status(place))) << "find() must not remove anything";
  EXPECT_EQ(read(cache, cache.ensure(served.descriptor(), served.fetch(), {})), "content");
  EXPECT_EQ(served.requests, 1);
  EXPECT_EQ(cache.counts().damaged, 1U);
  EXPECT_TRUE(fs::is_regular_file(fs::symlink_status(place)));
  EXPECT_EQ(contents_of(place), "content");
}

const HostileState kHostileStates[] = {
    {"Altered", [](const fs::path& place) { write_file(place, "cOntent"); }},
    {"Truncated", [](const fs::path& place) { write_file(place, "cont"); }},
    {"EmptiedByAPowerLoss", [](const fs::path& place) { write_file(place, ""); }},
    {"ZeroedByAPowerLoss",
     [](const fs::path& place) {
       write_file(place, "");
       fs::resize_file(place, 7);
     }},
    {"Extended", [](const fs::path& place) { write_file(place, "content\n"); }},
    {"Directory", [](const fs::path& place) { write_file(place / "deep/inside", "x"); }},
    {"Link",
     [](const fs::path& place) {
       write_file(place.string() + ".elsewhere", "content");
       fs::create_symlink(place.string() + ".elsewhere", place);
     }},
    {"DanglingLink", [](const fs::path& place) { fs::create_symlink("nowhere", place); }},
    {"Fifo", [](const fs::path& place) { ASSERT_EQ(::mkfifo(place.c_str(), 0666), 0); }},
};

INSTANTIATE_TEST_SUITE_P(States, HostileBlob, testing::ValuesIn(kHostileStates),
                         [](const auto& state) { return state.param.name; });

TEST_F(BlobCacheTest, SeesABlobThatIsAlteredWhileTheProcessRuns) {
  const BlobFile blob = cache.keep("content");
  fs::permissions(folder.blob("content"), fs::perms(0644));
  const auto written = fs::last_write_time(folder.blob("content"));
  write_file(folder.blob("content"), "cOntent");
  fs::last_write_time(folder.blob("content"), written);  // as whoever wants to hide it would
  EXPECT_EQ(reason_of([&] { cache.open(blob); }), Reason::digest_mismatch);
  EXPECT_FALSE(cache.find(blob.digest).has_value());
  EXPECT_EQ(cache.counts().damaged, 1U);
}

TEST_F(BlobCacheTest, SeesABlobThatIsGone) {
  const BlobFile blob = cache.keep("content");
  fs::remove(folder.blob("content"));
  EXPECT_EQ(reason_of([&] { cache.open(blob); }), Reason::storage_failed);
  EXPECT_FALSE(cache.find(blob.digest).has_value());
}

TEST_F(BlobCacheTest, OpensABlobThatAnotherProcessRenewed) {
  const BlobFile blob = cache.keep("content");
  CacheFolder::age(folder.blob("content"), std::chrono::hours(0));
  EXPECT_EQ(read(cache, blob), "content");
}

struct WrongBytes {
  const char* name;
  const char* bytes;
  const char* complaint;
};

class WrongTransfer : public BlobCacheTest, public testing::WithParamInterface<WrongBytes> {};

TEST_P(WrongTransfer, IsTriedOnceMoreAndNeverShown) {
  Served served(GetParam().bytes);
  const auto error =
      failure_of([&] { cache.ensure(descriptor_of("content"), served.fetch(), {}); });
  ASSERT_TRUE(error.has_value());
  EXPECT_EQ(error->reason(), Reason::digest_mismatch);
  EXPECT_THAT(error->message(), HasSubstr(GetParam().complaint));
  EXPECT_EQ(served.requests, 2);
  EXPECT_FALSE(fs::exists(folder.blob("content")));
  EXPECT_TRUE(fs::is_empty(folder.staging()));
}

INSTANTIATE_TEST_SUITE_P(
    Transfers, WrongTransfer,
    testing::Values(WrongBytes{"TooShort", "cont", "ended after 4 of 7 bytes"},
                    WrongBytes{"TooLong", "content!", "goes on after the 7 bytes"},
                    WrongBytes{"Altered", "cOntent", "expected sha256:ed7002b4"},
                    WrongBytes{"Empty", "", "ended after 0 of 7 bytes"}),
    [](const auto& transfer) { return transfer.param.name; });

TEST_F(BlobCacheTest, NamesBothDigestsOfAMismatch) {
  Served served("cOntent");
  const auto error =
      failure_of([&] { cache.ensure(descriptor_of("content"), served.fetch(), {}); });
  EXPECT_THAT(error->message(), HasSubstr(Digest::of("content").str()));
  EXPECT_THAT(error->message(), HasSubstr(Digest::of("cOntent").str()));
}

TEST_F(BlobCacheTest, AcceptsWhatTheSecondTransferBrings) {
  int requests = 0;
  const auto fetch = [&](BlobWriter& writer) {
    EXPECT_EQ(writer.written(), 0U);
    writer.write(as_bytes(++requests == 1 ? "cOntent" : "content"));
  };
  EXPECT_EQ(read(cache, cache.ensure(descriptor_of("content"), fetch, {})), "content");
}

TEST_F(BlobCacheTest, RefusesADescriptorThatAnIntactBlobContradicts) {
  cache.keep("content");
  Descriptor lying = descriptor_of("content");
  lying.size = 8;
  EXPECT_FALSE(cache.find(lying).has_value());
  EXPECT_EQ(reason_of([&] { cache.ensure(lying, no_fetch(), {}); }), Reason::digest_mismatch);
  EXPECT_TRUE(cache.find(Digest::of("content")).has_value());
}

TEST_F(BlobCacheTest, KeepsWhatAFetchThrows) {
  const auto fetch = [](BlobWriter& writer) {
    writer.write(as_bytes("con"));
    throw Error(Reason::unauthorized, "no").http_status(401);
  };
  const auto error = failure_of([&] { cache.ensure(descriptor_of("content"), fetch, {}); });
  EXPECT_EQ(error->reason(), Reason::unauthorized);
  EXPECT_EQ(error->http_status(), 401);
  EXPECT_TRUE(fs::is_empty(folder.staging()));
}

TEST_F(BlobCacheTest, StopsBeforeItFetches) {
  std::stop_source stop;
  stop.request_stop();
  EXPECT_EQ(reason_of([&] { cache.ensure(descriptor_of("x"), no_fetch(), stop.get_token()); }),
            Reason::cancelled);
}

TEST_F(BlobCacheTest, KeepsBytesOnlyUnderTheDigestTheyHave) {
  EXPECT_EQ(cache.keep("content").digest, Digest::of("content"));
  EXPECT_EQ(reason_of([&] { cache.keep("content", Digest::of("other")); }),
            Reason::digest_mismatch);
  EXPECT_FALSE(fs::exists(folder.blob("other")));
}

TEST_F(BlobCacheTest, RenewsABlobsAgeOnceAProcessAndNeverAYoungOne) {
  folder.plant("old");
  folder.plant("young");
  CacheFolder::age(folder.blob("old"), std::chrono::hours(30));
  const auto young = fs::last_write_time(folder.blob("young"));
  cache.find(Digest::of("old"));
  cache.find(Digest::of("young"));
  const auto renewed = fs::last_write_time(folder.blob("old"));
  EXPECT_LT(fs::file_time_type::clock::now() - renewed, std::chrono::hours(1));
  EXPECT_EQ(fs::last_write_time(folder.blob("young")), young);
  cache.find(Digest::of("old"));
  EXPECT_EQ(fs::last_write_time(folder.blob("old")), renewed);
}

TEST_F(BlobCacheTest, ChangesNothingOnAVolumeOpenedForReading) {
  folder.plant("old");
  CacheFolder::age(folder.blob("old"), std::chrono::hours(30));
  const auto before = fs::last_write_time(folder.blob("old"));
  const auto reading = Volume::open_read_only(folder.path());
  EXPECT_TRUE(BlobCache(*reading).find(Digest::of("old")).has_value());
  EXPECT_EQ(fs::last_write_time(folder.blob("old")), before);
}

TEST_F(BlobCacheTest, SurvivesTheLossOfItsFolders) {
  fs::remove_all(folder.path() / ".ocisync");
  fs::remove_all(folder.path() / "blobs");
  EXPECT_EQ(read(cache, cache.keep("content")), "content");
}

TEST_F(BlobCacheTest, KeepsWhatIsProducedWithoutATemporaryFile) {
  int calls = 0;
  const auto write = [&](Sink& out) {
    ++calls;
    out.write(as_bytes("con"));
    out.write(as_bytes("tent"));
  };
  const auto first = cache.produce(7, "it", write);
  EXPECT_TRUE(first.is_new);
  EXPECT_EQ(first.blob.digest, Digest::of("content"));
  EXPECT_EQ(read(cache, first.blob), "content");
  EXPECT_EQ(calls, 2);
  EXPECT_FALSE(cache.produce(7, "it", write).is_new);
  EXPECT_EQ(calls, 3);
  EXPECT_THAT(failure_of([&] { cache.produce(6, "it", write); })->what(),
              HasSubstr("it is larger than 6 B"));
}

TEST_F(BlobCacheTest, DoesNotKeepWhatIsProducedDifferentlyEachTime) {
  int calls = 0;
  const auto write = [&](Sink& out) { out.write(as_bytes(std::to_string(++calls))); };
  EXPECT_EQ(reason_of([&] { cache.produce(100, "it", write); }), Reason::digest_mismatch);
  EXPECT_TRUE(fs::is_empty(folder.path() / "blobs/sha256"));
  EXPECT_TRUE(fs::is_empty(folder.staging()));
}

}  // namespace
}  // namespace ocisync
