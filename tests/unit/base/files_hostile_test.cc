#include <fstream>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "base/files.h"
#include "support/expect_error.h"
#include "support/temp_directory.h"

namespace ocisync {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kLimit = 1 << 20U;

bool never() { return false; }

class PlantedLinks : public testing::Test {
 protected:
  // A directory next to ours that an attacker would like us to write to.
  fs::path victim() const {
    const fs::path path = temp.path() / "victim";
    fs::create_directories(path);
    std::ofstream(path / "file") << "precious";
    return path;
  }

  TempDirectory temp;
  Directory root = temp.directory().ensure("root", 0755);
};

using UserFile = PlantedLinks;

TEST_F(PlantedLinks, AreNotFollowedWhenReading) {
  fs::create_symlink(victim() / "file", temp.path() / "root/link");
  EXPECT_EQ(reason_of([&] { root.read("link", kLimit); }), Reason::storage_failed);
  EXPECT_TRUE(S_ISLNK(root.status("link")->st_mode));
}

TEST_F(PlantedLinks, AreNotFollowedWhenDescending) {
  fs::create_directory_symlink(victim(), temp.path() / "root/link");
  EXPECT_EQ(reason_of([&] { root.find("link"); }), Reason::storage_failed);
  EXPECT_EQ(reason_of([&] { root.ensure("link/sub", 0755); }), Reason::storage_failed);
  EXPECT_FALSE(fs::exists(victim() / "sub"));
}

TEST_F(PlantedLinks, AreReplacedAndNotWrittenThrough) {
  fs::create_symlink(victim() / "file", temp.path() / "root/link");
  EXPECT_FALSE(root.write_new("link", "evil", 0644));
  EXPECT_EQ(reason_of([&] { root.create_file("link", 0644); }), Reason::storage_failed);
  root.write_atomic("link", "ours", 0644);
  EXPECT_EQ(root.read("link", kLimit), "ours");
  EXPECT_EQ(read_user_file(victim() / "file", kLimit), "precious");
}

TEST_F(PlantedLinks, AreRemovedAndNotTheirTargets) {
  const fs::path target = victim();
  fs::create_directories(temp.path() / "root/tree/sub");
  fs::create_directory_symlink(target, temp.path() / "root/tree/sub/link");
  fs::create_directory_symlink(target, temp.path() / "root/direct");
  root.remove_tree("tree");
  root.remove_tree("direct");
  EXPECT_THAT(root.names(), testing::IsEmpty());
  EXPECT_EQ(read_user_file(target / "file", kLimit), "precious");
}

TEST_F(PlantedLinks, CannotHideALock) {
  fs::create_symlink(victim() / "file", temp.path() / "root/lock");
  EXPECT_EQ(reason_of([&] { FileLock::acquire(root, "lock", never); }), Reason::storage_failed);
}

TEST_F(PlantedLinks, NorDoesAFifoKeepUsWaiting) {
  ASSERT_EQ(::mkfifo((temp.path() / "root/fifo").c_str(), 0666), 0);
  EXPECT_EQ(reason_of([&] { root.read("fifo", kLimit); }), Reason::storage_failed);
  EXPECT_EQ(reason_of([&] { root.open_file("fifo"); }), Reason::storage_failed);
  EXPECT_EQ(reason_of([&] { read_user_file(temp.path() / "root/fifo", kLimit); }),
            Reason::storage_failed);
}

TEST_F(UserFile, FollowsLinksAsKubernetesMountsNeed) {
  const fs::path target = victim() / "file";
  fs::create_symlink(target, temp.path() / "token");
  EXPECT_EQ(read_user_file(temp.path() / "token", kLimit), "precious");
  EXPECT_FALSE(read_user_file(temp.path() / "missing", kLimit));
  EXPECT_FALSE(read_user_file(target / "below", kLimit));
  EXPECT_EQ(reason_of([&] { read_user_file(temp.path(), kLimit); }), Reason::storage_failed);
  EXPECT_EQ(reason_of([&] { read_user_file(target, 3); }), Reason::limit_exceeded);
}

}  // namespace
}  // namespace ocisync
