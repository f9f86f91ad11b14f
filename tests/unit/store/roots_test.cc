#include "store/roots.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cache_folder.h"

namespace ocisync {
namespace {

using namespace cache_test;
using testing::ElementsAre;
using testing::IsEmpty;

class RootsTest : public testing::Test {
 protected:
  fs::path roots_folder() const { return folder.path() / ".ocisync/roots"; }

  NamedContent named(WallTime at) const { return read_named_content(volume, at); }

  CacheFolder folder;
  Volume volume = folder.open();
  const Reference reference = Reference::parse("localhost:5000/myrepo/mychart:2.7.0");
  const WallTime now = *parse_rfc3339("2026-01-02T03:04:05Z");
};

TEST_F(RootsTest, AreReadAsTheyWereWritten) {
  const Roots written{{Digest::of("a"), Digest::of("b")}, {reference.str()}};
  write_roots(volume, "platform", written, now);
  EXPECT_TRUE(fs::exists(roots_folder() / "platform.json"));
  const NamedContent read = named(now);
  EXPECT_EQ(read.roots.blobs, written.blobs);
  EXPECT_EQ(read.roots.references, written.references);
  EXPECT_TRUE(read.names(reference));
  EXPECT_FALSE(read.names(reference.with_tag("other")));
}

TEST_F(RootsTest, OfSeveralOwnersAddUpAndAreReplacedOneByOne) {
  write_roots(volume, "a", {{Digest::of("1")}, {}}, now);
  write_roots(volume, "b", {{Digest::of("2")}, {}}, now);
  EXPECT_EQ(named(now).roots.blobs.size(), 2U);
  write_roots(volume, "a", {{Digest::of("3")}, {}}, now);
  EXPECT_EQ(named(now).roots.blobs, (std::set{Digest::of("2"), Digest::of("3")}));
}

TEST_F(RootsTest, LapseAfterAWeek) {
  write_roots(volume, "gone", {{Digest::of("1")}, {}}, now);
  EXPECT_THAT(named(now + kRootsExpiry).expired, IsEmpty());
  const NamedContent later = named(now + kRootsExpiry + std::chrono::seconds(1));
  EXPECT_THAT(later.expired, ElementsAre("gone"));
  EXPECT_THAT(later.roots.blobs, IsEmpty());
}

TEST_F(RootsTest, TakeAnyOwnersNameAsAFileName) {
  for (const char* owner :
       {"../../etc/x", ".hidden", "a b/c", "100%", "ünïcode", "..", "A.b-c_d"}) {
    write_roots(volume, owner, {}, now);
    EXPECT_THAT(named(now + 2 * kRootsExpiry).expired, ElementsAre(owner));
    fs::remove_all(roots_folder());
  }
}

TEST_F(RootsTest, ThatCannotBeReadAreToldOf) {
  for (const char* text :
       {"", "{", "[]", "{}",
        R"({"version":2,"renewed":"2026-01-02T03:04:05Z","blobs":[],"references":[]})",
        R"({"version":1,"renewed":"yesterday","blobs":[],"references":[]})",
        R"({"version":1,"renewed":"2026-01-02T03:04:05Z","blobs":{},"references":[]})",
        R"({"version":1,"renewed":"2026-01-02T03:04:05Z","blobs":["x"],"references":[]})",
        R"({"version":1,"renewed":"2026-01-02T03:04:05Z","blobs":[],"references":[7]})"}) {
    write_file(roots_folder() / "broken.json", text);
    const auto written = std::chrono::system_clock::now();
    EXPECT_THAT(named(written).unreadable, ElementsAre("broken")) << text;
    EXPECT_THAT(named(written + 2 * kRootsExpiry).expired, ElementsAre("broken")) << text;
  }
  fs::remove(roots_folder() / "broken.json");
  fs::create_directory(roots_folder() / "folder.json");
  EXPECT_THAT(named(std::chrono::system_clock::now()).unreadable, ElementsAre("folder"));
}

TEST_F(RootsTest, PassOverFilesOfOtherKinds) {
  write_file(roots_folder() / "README", "x");
  write_file(roots_folder() / ".tmp-0123456789abcdef.json", "{");
  EXPECT_THAT(named(now).unreadable, IsEmpty());
}

TEST_F(RootsTest, ThatWereRenewedSinceTheyLapsedAreNotDropped) {
  write_roots(volume, "gone", {}, now - 2 * kRootsExpiry);
  write_roots(volume, "renewed", {}, now - 2 * kRootsExpiry);
  ASSERT_THAT(named(now).expired, testing::UnorderedElementsAre("gone", "renewed"));
  write_roots(volume, "renewed", {}, now);
  for (const char* owner : {"gone", "renewed", "never there"})
    drop_roots(volume, owner, now);
  EXPECT_FALSE(fs::exists(roots_folder() / "gone.json"));
  EXPECT_TRUE(find_roots(volume, "renewed").has_value());
  EXPECT_THAT(named(now).expired, IsEmpty());
}

TEST_F(RootsTest, PinAndUnpin) {
  pin(volume, reference);
  pin(volume, reference);
  EXPECT_TRUE(named(now).names(reference));
  EXPECT_TRUE(unpin(volume, reference));
  EXPECT_FALSE(unpin(volume, reference));
  EXPECT_FALSE(named(now).names(reference));
}

TEST_F(RootsTest, PinWhateverAPinsFileHolds) {
  pin(volume, reference);
  for (const fs::path& file : fs::directory_iterator(folder.path() / ".ocisync/pins"))
    write_file(file, "");
  EXPECT_TRUE(named(now).names(reference));
}

}  // namespace
}  // namespace ocisync
