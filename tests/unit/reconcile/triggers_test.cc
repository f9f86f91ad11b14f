#include "reconcile/triggers.h"

#include <condition_variable>
#include <filesystem>
#include <fstream>
#include <future>
#include <mutex>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "support/temp_directory.h"

namespace ocisync {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::UnorderedElementsAre;

class TriggersTest : public testing::Test {
 protected:
  fs::path path(const std::string& name) const { return box.path() / name; }

  void write(const std::string& name, const std::string& text) {
    std::ofstream(path(name)) << text;
  }

  void start() {
    triggers.start([this](const Triggers::Paths& paths) { hear(paths); });
  }

  void watch(const Triggers::Paths& paths) {
    if (!std::exchange(started_, true))
      start();
    std::promise<void> done;
    triggers.call([&] {
      triggers.watch(paths);
      done.set_value();
    });
    done.get_future().wait();
  }

  // What was noticed up to and with a change of the file "last", which is watched too. Everything
  // that was watched is looked at together, so nothing of what came before is still on its way.
  Triggers::Paths noticed() {
    write("last", std::to_string(++changes_));
    std::unique_lock lock(mutex_);
    heard_.wait(lock, [&] { return seen_.contains(path("last")); });
    Triggers::Paths all = std::exchange(seen_, {});
    all.erase(path("last"));
    return all;
  }

  TempDirectory box;

 private:
  void hear(const Triggers::Paths& paths) {
    const std::lock_guard lock(mutex_);
    seen_.insert(paths.begin(), paths.end());
    heard_.notify_all();
  }

  std::mutex mutex_;
  std::condition_variable heard_;
  Triggers::Paths seen_;
  int changes_ = 0;
  bool started_ = false;

 protected:
  Log log{LogLevel::error, LogFormat::json, false};
  Triggers triggers{log};
};

TEST_F(TriggersTest, NoticeEveryWayToChangeAFile) {
  write("a", "1");
  watch({path("a"), path("last")});
  EXPECT_THAT(noticed(), ElementsAre());
  write("a", "2");
  EXPECT_THAT(noticed(), ElementsAre(path("a")));
  write("new", "3");
  fs::rename(path("new"), path("a"));
  EXPECT_THAT(noticed(), ElementsAre(path("a")));
  fs::remove(path("a"));
  EXPECT_THAT(noticed(), ElementsAre(path("a")));
  write("a", "4");
  EXPECT_THAT(noticed(), ElementsAre(path("a")));
}

TEST_F(TriggersTest, AChangeBeforeTheStartIsNoticedByIt) {
  write("a", "1");
  triggers.watch({path("a"), path("last")});
  write("a", "2");
  start();
  EXPECT_THAT(noticed(), ElementsAre(path("a")));
}

TEST_F(TriggersTest, WhatSaysTheSameIsNoChange) {
  write("a", "1");
  write("beside", "1");
  watch({path("a"), path("last")});
  fs::last_write_time(path("a"), fs::file_time_type::clock::now() - std::chrono::hours(1));
  write("beside", "2");
  EXPECT_THAT(noticed(), ElementsAre());
  write("a", "1");
  EXPECT_THAT(noticed(), ElementsAre());
}

TEST_F(TriggersTest, FollowTheSwapOfAConfigMap) {
  fs::create_directories(path("map/..one"));
  fs::create_directories(path("map/..two"));
  write("map/..one/a", "1");
  write("map/..two/a", "2");
  fs::create_directory_symlink("..one", path("map/..data"));
  fs::create_symlink("..data/a", path("map/a"));
  watch({path("map/a"), path("last")});
  fs::create_directory_symlink("..two", path("map/..tmp"));
  fs::rename(path("map/..tmp"), path("map/..data"));
  EXPECT_THAT(noticed(), ElementsAre(path("map/a")));
}

TEST_F(TriggersTest, OfAFolderItsFilesCount) {
  fs::create_directory(path("folder"));
  write("folder/a", "1");
  watch({path("folder"), path("last")});
  write("folder/..hidden", "1");
  EXPECT_THAT(noticed(), ElementsAre()) << "Kubernetes' own";
  write("folder/b", "1");
  EXPECT_THAT(noticed(), ElementsAre(path("folder")));
  fs::rename(path("folder/b"), path("folder/c"));
  EXPECT_THAT(noticed(), ElementsAre(path("folder")));
}

TEST_F(TriggersTest, WhatWasWatchedBeforeIsMeasuredByWhatWasSeenThen) {
  write("a", "1");
  write("b", "1");
  watch({path("a"), path("last")});
  write("a", "2");
  write("b", "2");
  watch({path("a"), path("b"), path("last")});
  EXPECT_THAT(noticed(), ElementsAre(path("a")));
  watch({path("b"), path("last")});
  write("a", "3");
  write("b", "3");
  EXPECT_THAT(noticed(), ElementsAre(path("b")));
}

TEST_F(TriggersTest, WhatCannotBeReadHarmsNobody) {
  ASSERT_EQ(::mkfifo(path("fifo").c_str(), 0600), 0);
  fs::create_symlink("loop", path("loop"));
  watch({path("fifo"), path("loop"), path("nowhere/at/all"), path("last")});
  EXPECT_THAT(noticed(), ElementsAre());
  fs::remove(path("fifo"));
  write("fifo", "1");
  fs::remove(path("loop"));
  write("loop", "1");
  EXPECT_THAT(noticed(), UnorderedElementsAre(path("fifo"), path("loop")));
}

}  // namespace
}  // namespace ocisync
