#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cache_folder.h"
#include "store/sweep.h"
#include "support/small_volume.h"

namespace ocisync {
namespace {

using namespace cache_test;
using testing::HasSubstr;

class FullVolume : public testing::Test {
 protected:
  // Leaves no more than so many bytes free.
  void fill_up_to(std::uint64_t left) {
    const std::uint64_t free = small.free_bytes();
    if (free > left)
      write_file(small.path() / "ballast", std::string(free - left, 'x'));
  }

  SmallVolume small{"1m"};
  Volume volume = Volume::open(small.path() / "cache", kDefaultModes);
  BlobCache cache{volume};
  const std::string bytes = std::string(300'000, 'b');
};

TEST_F(FullVolume, RefusesABlobBeforeItsFirstByte) {
  Descriptor huge = descriptor_of("x");
  huge.size = 1ULL << 40;
  const auto error = failure_of([&] { cache.ensure(huge, no_fetch(), {}); });
  ASSERT_TRUE(error.has_value());
  EXPECT_EQ(error->reason(), Reason::disk_full);
  EXPECT_THAT(error->message(), HasSubstr("1.0 TiB"));
  EXPECT_THAT(error->message(), HasSubstr("KiB free"));
  huge.size = ~std::uint64_t{0};
  EXPECT_EQ(reason_of([&] { cache.ensure(huge, no_fetch(), {}); }), Reason::disk_full);
}

TEST_F(FullVolume, MakesRoomOnceAndGoesOn) {
  fill_up_to(100'000);
  int rooms = 0;
  cache.on_disk_full([&] {
    ++rooms;
    fs::remove(small.path() / "ballast");
  });
  Served served(bytes);
  cache.ensure(served.descriptor(), served.fetch(), {});
  EXPECT_EQ(rooms, 1);
  EXPECT_EQ(served.requests, 1);
  EXPECT_EQ(contents_of(small.path() / "cache" / blob_path(Digest::of(bytes))), bytes);
}

TEST_F(FullVolume, RepeatsAStepOfOthersOnceRoomWasMade) {
  int rooms = 0, steps = 0;
  const auto always_full = [&] {
    ++steps;
    throw Error(Reason::disk_full, "full");
  };
  const Directory here = Directory::open(small.path()), elsewhere = Directory::open("/proc");
  EXPECT_EQ(reason_of([&] { cache.with_room(here, always_full); }), Reason::disk_full);
  EXPECT_EQ(steps, 1);  // nothing can be done here
  cache.on_disk_full([&] { ++rooms; });
  EXPECT_EQ(reason_of([&] { cache.with_room(elsewhere, always_full); }), Reason::disk_full);
  EXPECT_EQ(steps, 2);  // nor would it help there
  EXPECT_EQ(reason_of([&] { cache.with_room(here, always_full); }), Reason::disk_full);
  EXPECT_EQ(steps, 4);
  EXPECT_EQ(rooms, 1);
  cache.with_room(here, [&] {
    if (rooms == 1)
      throw Error(Reason::disk_full, "full");
  });
  EXPECT_EQ(rooms, 2);
  cache.on_disk_full([] { throw Error(Reason::storage_failed, "not ours to remove"); });
  EXPECT_EQ(reason_of([&] { cache.with_room(here, always_full); }), Reason::disk_full);
}

TEST_F(FullVolume, GivesUpWhenThereIsNoRoomToMake) {
  fill_up_to(100'000);
  int rooms = 0;
  cache.on_disk_full([&] { ++rooms; });
  EXPECT_EQ(reason_of([&] { cache.ensure(descriptor_of(bytes), no_fetch(), {}); }),
            Reason::disk_full);
  EXPECT_EQ(rooms, 1);
}

TEST_F(FullVolume, FetchesAgainWhenTheDiskFillsUpInTheMiddle) {
  int requests = 0;
  cache.on_disk_full([&] { fs::remove(small.path() / "ballast"); });
  const auto fetch = [&](BlobWriter& writer) {
    if (++requests == 1)
      fill_up_to(8192);  // another tenant of the volume
    EXPECT_EQ(writer.written(), 0U);
    writer.write(as_bytes(bytes));
  };
  const BlobFile blob = cache.ensure(descriptor_of(bytes), fetch, {});
  EXPECT_EQ(requests, 2);
  EXPECT_EQ(cache.read(blob, bytes.size()), bytes);
}

TEST_F(FullVolume, LeavesNothingBehindAndRecoversWhenSpaceIsFreed) {
  const auto fetch = [&](BlobWriter& writer) {
    fill_up_to(8192);
    writer.write(as_bytes(bytes));
  };
  EXPECT_EQ(reason_of([&] { cache.ensure(descriptor_of(bytes), fetch, {}); }), Reason::disk_full);
  EXPECT_TRUE(fs::is_empty(small.path() / "cache/.ocisync/staging"));
  EXPECT_FALSE(cache.find(Digest::of(bytes)).has_value());
  fs::remove(small.path() / "ballast");
  Served served(bytes);
  cache.ensure(served.descriptor(), served.fetch(), {});
  EXPECT_EQ(served.requests, 1);
}

TEST_F(FullVolume, CanStillBeOpenedAndSwept) {
  const BlobFile old = cache.keep(bytes);
  CacheFolder::age(small.path() / "cache" / blob_path(old.digest), std::chrono::hours(2));
  fill_up_to(0);
  const Volume again = Volume::open(small.path() / "cache", kDefaultModes);
  SweepPolicy policy;
  policy.everything_unnamed = true;
  EXPECT_EQ(sweep(again, policy, std::chrono::system_clock::now()).removed_bytes, bytes.size());
  EXPECT_GE(small.free_bytes(), bytes.size());
}

}  // namespace
}  // namespace ocisync
