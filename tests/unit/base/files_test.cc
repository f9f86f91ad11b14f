#include "base/files.h"

#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/expect_error.h"
#include "support/temp_directory.h"

namespace ocisync {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

constexpr std::uint64_t kLimit = 1 << 20U;

bool never() { return false; }

class Files : public testing::Test {
 protected:
  mode_t mode_of(std::string_view name) const { return root.status(name)->st_mode & 07777U; }

  TempDirectory temp;
  Directory root = temp.directory().ensure("root", 0755);
};

using DirectoryTree = Files;
using Writing = Files;
using Renaming = Files;
using Removing = Files;
using Locking = Files;

class Umask {
 public:
  explicit Umask(mode_t mask) : before_(::umask(mask)) {}

  ~Umask() { ::umask(before_); }

  Umask(const Umask&) = delete;
  Umask& operator=(const Umask&) = delete;

 private:
  mode_t before_;
};

TEST_F(DirectoryTree, IsCreatedWithParentsAndFoundAgain) {
  const Directory deep = Directory::create(temp.path() / "a/b/../c/", 0750);
  EXPECT_TRUE(fs::is_directory(temp.path() / "a/c"));
  EXPECT_EQ(Directory::create(temp.path() / "a/c", 0700).names().size(), 0U);
  EXPECT_FALSE(Directory::open_if_exists(temp.path() / "missing"));
  EXPECT_FALSE(root.find("x/y"));
  root.ensure("x/y", 0755).write_atomic("file", "1", 0644);
  EXPECT_EQ(root.find("x/y")->read("file", kLimit), "1");
  EXPECT_EQ(reason_of([&] { Directory::open(temp.path() / "missing"); }), Reason::storage_failed);
}

TEST_F(DirectoryTree, IsEnsuredByManyThreadsAtOnce) {
  std::vector<std::jthread> threads;
  for (int i = 0; i < 8; ++i)
    threads.emplace_back([&] { EXPECT_NO_THROW(root.ensure("a/b/c", 0755)); });
}

TEST_F(DirectoryTree, KeepsTheGroupBitOfASharedVolume) {
  ASSERT_EQ(::fchmod(root.fd(), 02775), 0);
  root.make_directory("shared", 0775);
  EXPECT_EQ(mode_of("shared"), 02775U);
}

TEST_F(DirectoryTree, ListsCompletelyEveryTimeAndFromManyThreads) {
  for (int i = 0; i < 500; ++i)
    root.write_new("f" + std::to_string(i), "", 0644);
  std::vector<std::jthread> threads;
  for (int i = 0; i < 4; ++i)
    threads.emplace_back([&] { EXPECT_EQ(root.names().size(), 500U); });
}

TEST_F(DirectoryTree, ListsNothingOnceItWasRemoved) {
  const Directory gone = root.ensure("gone", 0755);
  ASSERT_EQ(::rmdir((temp.path() / "root/gone").c_str()), 0);
  EXPECT_THAT(gone.names(), IsEmpty());
}

TEST_F(DirectoryTree, TakesSingleNamesOnly) {
  for (const std::string_view bad :
       {std::string_view(""), std::string_view("."), std::string_view(".."),
        std::string_view("a/b"), std::string_view("/etc"), std::string_view("a\0b", 3)}) {
    EXPECT_EQ(reason_of([&] { root.read(bad, 1); }), Reason::internal);
    EXPECT_EQ(reason_of([&] { root.write_atomic(bad, "", 0644); }), Reason::internal);
    EXPECT_EQ(reason_of([&] { root.write_new(bad, "", 0644); }), Reason::internal);
    EXPECT_EQ(reason_of([&] { root.remove_tree(bad); }), Reason::internal);
    EXPECT_EQ(reason_of([&] { root.link_atomic("x", bad); }), Reason::internal);
    EXPECT_EQ(reason_of([&] { root.rename("x", root, bad); }), Reason::internal);
  }
  EXPECT_EQ(reason_of([&] { root.ensure("a/../b", 0755); }), Reason::internal);
  EXPECT_THAT(root.names(), ElementsAre()) << "nothing is left behind";
}

TEST_F(Writing, HasModesOfItsOwnWhateverTheUmask) {
  const Umask mask(077);
  root.write_atomic("atomic", "x", 0644);
  root.write_new("new", "x", 0664);
  root.create_file("created", 0640);
  root.make_directory("directory", 0775);
  root.ensure("one/two", 0755);
  FileLock::acquire(root, "lock", never);
  EXPECT_EQ(mode_of("atomic"), 0644U);
  EXPECT_EQ(mode_of("new"), 0664U);
  EXPECT_EQ(mode_of("created"), 0640U);
  EXPECT_EQ(mode_of("directory"), 0775U);
  EXPECT_EQ(mode_of("one"), 0755U);
  EXPECT_EQ(root.find("one")->status("two")->st_mode & 07777U, 0755U);
  EXPECT_EQ(mode_of("lock"), 0666U);
  Directory::create(temp.path() / "p/q", 0755);
  EXPECT_EQ(temp.directory().status("p")->st_mode & 07777U, 0755U);
}

TEST_F(Writing, ShowsReadersOldOrNewAndNeverHalf) {
  const std::string old_text(100'000, 'a'), new_text(200'000, 'b');
  root.write_atomic("file", old_text, 0644);
  std::atomic<bool> done = false;
  std::jthread reader([&] {
    while (!done) {
      const auto seen = root.read("file", kLimit);
      EXPECT_TRUE(seen == old_text || seen == new_text);
    }
  });
  for (int i = 0; i < 50; ++i)
    root.write_atomic("file", i % 2 == 0 ? new_text : old_text, 0644);
  done = true;
  reader.join();
  EXPECT_THAT(root.names(), ElementsAre("file"));
}

TEST_F(Writing, OfSeveralWhoWriteANewNameExactlyOneSucceeds) {
  for (int round = 0; round < 20; ++round) {
    const std::string name = "race" + std::to_string(round);
    std::atomic<int> winners = 0;
    std::string winning_text;
    {
      std::vector<std::jthread> threads;
      for (int i = 0; i < 8; ++i)
        threads.emplace_back([&, i] {
          if (root.write_new(name, std::to_string(i), 0644)) {
            ++winners;
            winning_text = std::to_string(i);
          }
        });
    }
    EXPECT_EQ(winners, 1);
    EXPECT_EQ(root.read(name, kLimit), winning_text);
  }
  EXPECT_EQ(root.names().size(), 20U) << "losers clean up";
}

TEST_F(Writing, CleansUpWhenItCannotFinish) {
  root.make_directory("taken", 0755);
  EXPECT_EQ(reason_of([&] { root.write_atomic("taken", "x", 0644); }), Reason::storage_failed);
  EXPECT_EQ(reason_of([&] { root.link_atomic("x", "taken"); }), Reason::storage_failed);
  EXPECT_THAT(root.names(), ElementsAre("taken"));
}

TEST_F(Writing, AFullVolumeIsToldByItsName) {
  const Fd full(::open("/dev/full", O_WRONLY | O_CLOEXEC));
  ASSERT_TRUE(full);
  const auto error = error_of([&] { write_all(full.get(), as_bytes("x"), "/data/blob"); });
  EXPECT_EQ(error->reason(), Reason::disk_full);
  EXPECT_THAT(error->message(), HasSubstr("writing /data/blob"));
}

TEST_F(Writing, ReadsUpToTheLimitAndNoFurther) {
  root.write_atomic("file", "12345", 0644);
  EXPECT_EQ(root.read("file", 5), "12345");
  EXPECT_EQ(reason_of([&] { root.read("file", 4); }), Reason::limit_exceeded);
  EXPECT_FALSE(root.read("missing", 5));
  EXPECT_FALSE(root.open_file("missing"));
}

TEST_F(Writing, LinksAreReplacedInOneStep) {
  root.link_atomic("revisions/1", "current");
  root.link_atomic("revisions/2", "current");
  EXPECT_EQ(root.read_link("current"), "revisions/2");
  EXPECT_FALSE(root.read_link("missing"));
  root.write_atomic("file", "", 0644);
  EXPECT_FALSE(root.read_link("file"));
  root.touch("current");
  root.touch("missing");
  EXPECT_THAT(root.names(), UnorderedElementsAre("current", "file"));
}

TEST_F(Writing, TouchMakesAFileYoung) {
  root.write_atomic("file", "", 0644);
  fs::last_write_time(temp.path() / "root/file",
                      fs::file_time_type::clock::now() - std::chrono::hours(1000));
  const auto before = root.status("file")->st_mtim.tv_sec;
  root.touch("file");
  EXPECT_GT(root.status("file")->st_mtim.tv_sec, before + 3600L * 999);
}

TEST_F(Renaming, ExchangeSwapsDirectoriesAndLinksInOneStep) {
  root.ensure("a", 0755).write_atomic("from", "a", 0644);
  const Directory other = root.ensure("other", 0755);
  other.link_atomic("somewhere", "b");
  ASSERT_TRUE(root.exchange("a", other, "b"));
  EXPECT_EQ(root.read_link("a"), "somewhere");
  EXPECT_EQ(other.find("b")->read("from", kLimit), "a");
  EXPECT_EQ(reason_of([&] { root.exchange("a", other, "missing"); }), Reason::storage_failed);
}

TEST_F(Renaming, ANewNameIsTakenOnlyOnce) {
  root.make_directory("one", 0755);
  root.make_directory("two", 0755);
  EXPECT_TRUE(root.rename_new("one", root, "name"));
  EXPECT_FALSE(root.rename_new("two", root, "name"));
  EXPECT_THAT(root.names(), UnorderedElementsAre("name", "two"));
  EXPECT_EQ(reason_of([&] { root.rename_new("missing", root, "x"); }), Reason::storage_failed);
}

TEST_F(Renaming, OfSeveralDirectoriesOneTakesTheName) {
  for (int i = 0; i < 8; ++i)
    root.ensure("d" + std::to_string(i), 0755).write_atomic("id", std::to_string(i), 0644);
  std::atomic<int> winners = 0;
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 8; ++i)
      threads.emplace_back(
          [&, i] { winners += root.rename_new("d" + std::to_string(i), root, "final") ? 1 : 0; });
  }
  EXPECT_EQ(winners, 1);
  EXPECT_EQ(root.names().size(), 8U);
}

TEST_F(Removing, TakesATreeWhateverItsModes) {
  const Directory tree = root.ensure("tree/readonly/locked", 0755);
  tree.write_atomic("file", "", 0000);
  root.ensure("tree/empty", 0755);
  ASSERT_EQ(::chmod((temp.path() / "root/tree/readonly/locked").c_str(), 0000), 0);
  ASSERT_EQ(::chmod((temp.path() / "root/tree/readonly").c_str(), 0555), 0);
  ASSERT_EQ(::chmod((temp.path() / "root/tree/empty").c_str(), 0000), 0);
  ASSERT_EQ(::chmod((temp.path() / "root/tree").c_str(), 0500), 0);
  root.remove_tree("tree");
  EXPECT_THAT(root.names(), IsEmpty());
}

TEST_F(Removing, AbsenceIsFine) {
  root.remove_tree("missing");
  root.remove_file("missing");
  root.write_atomic("file", "", 0644);
  root.remove_tree("file");
  EXPECT_THAT(root.names(), IsEmpty());
}

TEST_F(Removing, TwoAtOnceAreNoConflict) {
  for (int i = 0; i < 200; ++i)
    root.ensure("tree/d" + std::to_string(i), 0755).write_new("f", "", 0644);
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 4; ++i)
      threads.emplace_back([&] { EXPECT_NO_THROW(root.remove_tree("tree")); });
  }
  EXPECT_THAT(root.names(), IsEmpty());
}

TEST_F(Removing, LeavesNoDescriptorOpen) {
  const auto count = [] { return Directory::open("/proc/self/fd").names().size(); };
  const std::size_t before = count();
  root.ensure("tree/a/b/c", 0755).write_new("f", "", 0644);
  root.remove_tree("tree");
  EXPECT_EQ(count(), before);
}

TEST_F(Locking, IsExclusiveBetweenThreads) {
  std::atomic<int> inside = 0, most = 0, total = 0;
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 4; ++i)
      threads.emplace_back([&] {
        const auto lock = FileLock::acquire(root, "lock", never);
        ASSERT_TRUE(lock);
        most = std::max(most.load(), ++inside);
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
        --inside;
        ++total;
      });
  }
  EXPECT_EQ(most, 1);
  EXPECT_EQ(total, 4);
}

TEST_F(Locking, GivesUpWhenTold) {
  const auto held = FileLock::acquire(root, "lock", never);
  int asked = 0;
  EXPECT_FALSE(FileLock::acquire(root, "lock", [&] { return ++asked == 3; }));
  EXPECT_EQ(asked, 3);
  EXPECT_TRUE(FileLock::acquire(root, "another", never));
}

TEST_F(Locking, EndsWithItsOwner) {
  { const auto lock = FileLock::acquire(root, "lock", never); }
  EXPECT_TRUE(FileLock::acquire(root, "lock", [] { return true; }));
}

TEST(PrivateName, IsNeverTheSame) {
  EXPECT_NE(private_name(".tmp-"), private_name(".tmp-"));
  EXPECT_EQ(private_name(".tmp-").size(), 21U);
}

TEST(Volume, CanBeSynced) {
  const TempDirectory temp;
  EXPECT_NO_THROW(temp.directory().sync_volume());
}

}  // namespace
}  // namespace ocisync
