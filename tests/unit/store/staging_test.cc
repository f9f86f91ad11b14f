#include "store/staging.h"

#include <gtest/gtest.h>

#include "cache_folder.h"

namespace ocisync {
namespace {

using namespace cache_test;

TEST(Staging, ClearsWhatAKilledProcessLeftAtOnce) {
  const CacheFolder folder;
  folder.open();
  write_file(folder.staging() / "blob-0123456789abcdef", "half a blob");
  folder.open();
  EXPECT_TRUE(fs::is_empty(folder.staging()));
}

TEST(Staging, LeavesWhatIsBeingWritten) {
  const CacheFolder folder;
  const Volume volume = folder.open();
  StagingFile file(volume);
  file.write(as_bytes("half a blob"));
  for (const fs::path& path : fs::directory_iterator(folder.staging()))
    CacheFolder::age(path, std::chrono::hours(48));
  EXPECT_EQ(sweep_staging(volume.staging(), std::chrono::system_clock::now()), 0U);
  file.publish(volume.root(), "published", 0444);
  EXPECT_EQ(contents_of(folder.path() / "published"), "half a blob");
}

TEST(Staging, ClearsOtherLeftoversAfterAnHour) {
  const CacheFolder folder;
  const Volume volume = folder.open();
  fs::create_symlink("/etc/passwd", folder.staging() / "link");
  const auto now = std::chrono::system_clock::now();
  EXPECT_EQ(sweep_staging(volume.staging(), now), 0U);
  EXPECT_EQ(sweep_staging(volume.staging(), now + std::chrono::hours(2)), 1U);
  EXPECT_TRUE(fs::is_empty(folder.staging()));
}

TEST(Staging, ClearsTheDirectoriesOfTheDeadAndLeavesThoseOfTheLiving) {
  const CacheFolder folder;
  const Volume volume = folder.open();
  write_file(folder.staging() / "work-of-a-killed-process/file", "x");
  std::optional<StagingDirectory> alive(std::in_place, volume);
  alive->directory().write_atomic("file", "y", 0600);
  const auto later = std::chrono::system_clock::now() + std::chrono::hours(48);
  EXPECT_EQ(sweep_staging(volume.staging(), later), 1U);
  EXPECT_EQ(alive->directory().read("file", 9), "y");
  alive.reset();
  EXPECT_TRUE(fs::is_empty(folder.staging()));
}

TEST(Staging, ElsewhereOnlyItsOwnNamesAreCleared) {
  const TempDirectory elsewhere;
  write_file(elsewhere.path() / "mine/file", "x");
  write_file(elsewhere.path() / ".made-here-1/file", "x");
  const StagingDirectory alive(elsewhere.directory(), ".made-here-");
  EXPECT_EQ(sweep_staging(elsewhere.directory(), std::chrono::system_clock::now(), ".made-here-"),
            1U);
  EXPECT_TRUE(fs::exists(elsewhere.path() / "mine/file"));
  EXPECT_FALSE(fs::exists(elsewhere.path() / ".made-here-1"));
  EXPECT_TRUE(fs::exists(alive.directory().path()));
}

TEST(Staging, ForgetsAFileThatWasNeverPublished) {
  const CacheFolder folder;
  const Volume volume = folder.open();
  { StagingFile(volume).write(as_bytes("x")); }
  EXPECT_TRUE(fs::is_empty(folder.staging()));
}

TEST(Staging, ReplacesADirectoryInTheWay) {
  const CacheFolder folder;
  const Volume volume = folder.open();
  write_file(folder.path() / "name/inside", "x");
  StagingFile file(volume);
  file.write(as_bytes("bytes"));
  file.publish(volume.root(), "name", 0444);
  EXPECT_EQ(contents_of(folder.path() / "name"), "bytes");
}

}  // namespace
}  // namespace ocisync
