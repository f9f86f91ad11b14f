#include "store/volume.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cache_folder.h"
#include "store/roots.h"

namespace ocisync {
namespace {

using namespace cache_test;

TEST(Volume, LaysOutHelmsFoldersAndAnOciImageLayout) {
  const CacheFolder folder;
  folder.open();
  EXPECT_TRUE(fs::is_directory(folder.path() / "blobs/sha256"));
  EXPECT_TRUE(fs::is_directory(folder.path() / "refs"));
  EXPECT_TRUE(fs::is_directory(folder.path() / "charts"));
  EXPECT_EQ(contents_of(folder.path() / "oci-layout"), R"({"imageLayoutVersion":"1.0.0"})");
  EXPECT_EQ(contents_of(folder.path() / ".ocisync/format"), "1\n");
  for (const char* name : {"staging", "locks", "roots", "pins"})
    EXPECT_TRUE(fs::is_directory(folder.path() / ".ocisync" / name)) << name;
}

TEST(Volume, OpenedTwiceChangesNothing) {
  const CacheFolder folder;
  folder.open();
  const auto before = tree_below(folder.path());
  const auto written = fs::last_write_time(folder.path() / ".ocisync/format");
  folder.open();
  EXPECT_EQ(tree_below(folder.path()), before);
  EXPECT_EQ(fs::last_write_time(folder.path() / ".ocisync/format"), written);
}

TEST(Volume, IsReachedThroughALinkAndThroughDots) {
  const CacheFolder folder;
  folder.open();
  const fs::path link = folder.path().parent_path() / "link";
  fs::create_directory_symlink("cache", link);
  Volume::open(link, kDefaultModes);
  Volume::open(folder.path() / "refs/../../cache", kDefaultModes);
  EXPECT_EQ(tree_below(folder.path()).count("refs/cache/"), 0U);
}

TEST(Volume, LeavesForeignFilesAlone) {
  const CacheFolder folder;
  write_file(folder.path() / "lost+found/inode", "x");
  write_file(folder.path() / "blobs/README", "hello");
  write_file(folder.path() / "config.json", "{}");
  folder.open();
  EXPECT_EQ(contents_of(folder.path() / "lost+found/inode"), "x");
  EXPECT_EQ(contents_of(folder.path() / "blobs/README"), "hello");
  EXPECT_EQ(contents_of(folder.path() / "config.json"), "{}");
}

TEST(Volume, RefusesANewerFormat) {
  for (const char* note : {"2\n", "17", "99999999999999999999999999\n"}) {
    const CacheFolder folder;
    folder.open();
    write_file(folder.path() / ".ocisync/format", note);
    EXPECT_EQ(reason_of([&] { folder.open(); }), Reason::format_unknown) << note;
    EXPECT_EQ(reason_of([&] { Volume::open_read_only(folder.path()); }), Reason::format_unknown);
    EXPECT_EQ(contents_of(folder.path() / ".ocisync/format"), note);
  }
}

TEST(Volume, RebuildsADamagedFormatNote) {
  for (const char* note : {"", "\n", "0\n", "one", "1 2", "-1", "\x00\xff"}) {
    const CacheFolder folder;
    folder.open();
    write_file(folder.path() / ".ocisync/format", note);
    folder.open();
    EXPECT_EQ(contents_of(folder.path() / ".ocisync/format"), "1\n") << note;
  }
}

TEST(Volume, RebuildsItsOwnFolderWhateverStandsInItsPlace) {
  const CacheFolder folder;
  folder.open();
  const fs::path control = folder.path() / ".ocisync";

  fs::remove_all(control);
  folder.open();
  EXPECT_EQ(contents_of(control / "format"), "1\n");

  fs::remove_all(control);
  write_file(control, "a file");
  EXPECT_TRUE(Volume::open_read_only(folder.path()).has_value());
  folder.open();
  EXPECT_EQ(contents_of(control / "format"), "1\n");

  fs::remove_all(control);
  fs::create_directory_symlink("/etc", control);
  folder.open();
  EXPECT_TRUE(fs::is_directory(fs::symlink_status(control)));

  fs::remove(control / "format");
  fs::create_directories(control / "format/x");
  folder.open();
  EXPECT_EQ(contents_of(control / "format"), "1\n");
}

TEST(Volume, PinsWhatAnAlphaHelmSavedThere) {
  const CacheFolder folder;
  write_file(folder.path() / "blobs/sha256/x", "foreign");
  const fs::path tag = folder.path() / "refs/localhost_5000/myrepo/mychart/tags/2.7.0";
  fs::create_directories(tag);
  fs::create_symlink("/old/registry/blobs/sha256/x", tag / "content");
  const Volume volume = folder.open();
  const auto named = read_named_content(volume, std::chrono::system_clock::now());
  EXPECT_TRUE(named.names(Reference::parse("localhost:5000/myrepo/mychart:2.7.0")));
  EXPECT_FALSE(named.names(Reference::parse("localhost:5000/myrepo/mychart:2.7.1")));
}

TEST(Volume, PinsNothingWhileItsPinsAreThere) {
  const CacheFolder folder;
  folder.open();
  const fs::path tag = folder.path() / "refs/localhost_5000/myrepo/mychart/tags/2.7.0";
  fs::create_directories(tag);
  fs::create_symlink("x", tag / "content");
  folder.open();
  EXPECT_TRUE(fs::is_empty(folder.path() / ".ocisync/pins"));
}

TEST(Volume, OpenedForReadingCreatesNothing) {
  const CacheFolder folder;
  EXPECT_FALSE(Volume::open_read_only(folder.path()).has_value());
  EXPECT_FALSE(fs::exists(folder.path()));
  fs::create_directory(folder.path());
  const auto volume = Volume::open_read_only(folder.path());
  ASSERT_TRUE(volume.has_value());
  BlobCache cache(*volume);
  const ReferenceStore references(*volume);
  EXPECT_FALSE(cache.find(Digest::of("x")).has_value());
  EXPECT_FALSE(references.find(Reference::parse("h.io/a:1")).has_value());
  EXPECT_TRUE(references.tags(Reference::parse("h.io/a")).empty());
  EXPECT_EQ(reason_of([&] { cache.keep("x"); }), Reason::offline_miss);
  EXPECT_TRUE(fs::is_empty(folder.path()));
}

TEST(Volume, AFileInItsPlaceIsUnsuitable) {
  const CacheFolder folder;
  write_file(folder.path(), "a file");
  EXPECT_EQ(reason_of([&] { folder.open(); }), Reason::volume_unsuitable);
  write_file(folder.path().parent_path() / "other/refs", "a file");
  EXPECT_EQ(reason_of([&] { Volume::open(folder.path().parent_path() / "other", kDefaultModes); }),
            Reason::volume_unsuitable);
}

// Runs `act` as a user who owns nothing, and gives what it returns. Root may write anywhere.
int as_nobody(const std::function<int()>& act) {
  const pid_t child = ::fork();
  if (child == 0) {
    const bool dropped = ::geteuid() != 0 || (::setgid(65534) == 0 && ::setuid(65534) == 0);
    ::_exit(dropped ? act() : 99);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 98;
}

TEST(Volume, SaysWhoMayNotWriteWhere) {
  const CacheFolder folder;
  folder.open();
  fs::permissions(folder.path().parent_path(), fs::perms(0755));
  for (const char* name : {"blobs/sha256", "refs", ".ocisync/staging"})
    fs::permissions(folder.path() / name, fs::perms(0555));
  const int result = as_nobody([&] {
    const auto error = failure_of([&] { folder.open(); });
    const bool told = error && error->reason() == Reason::volume_unsuitable &&
                      error->message().find("uid ") != std::string::npos &&
                      error->message().find("mode 0755") != std::string::npos;
    return told ? 0 : 1;
  });
  EXPECT_EQ(result, 0);
}

TEST(Volume, KeepsModesWhateverTheUmask) {
  const CacheFolder folder;
  const mode_t before = ::umask(077);
  Volume::open(folder.path(), kGroupModes);
  ::umask(before);
  EXPECT_EQ(fs::status(folder.path() / "refs").permissions(), fs::perms(0775));
  EXPECT_EQ(fs::status(folder.path() / ".ocisync/format").permissions(), fs::perms(0664));
}

TEST(Volume, GoesOnWithoutALockThatCannotBeHad) {
  const CacheFolder folder;
  const Volume volume = folder.open();
  fs::create_directory(folder.path() / ".ocisync/locks/x");
  EXPECT_FALSE(volume.lock("x", [] { return false; }).has_value());
}

}  // namespace
}  // namespace ocisync
