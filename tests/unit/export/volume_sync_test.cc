#include "export/volume_sync.h"

#include <atomic>
#include <latch>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "support/failure.h"

namespace ocisync {
namespace {

TEST(VolumeSync, SyncsForOneWithoutWaitingForOthers) {
  int syncs = 0;
  VolumeSync sync([&] { ++syncs; });
  sync.wait();
  EXPECT_EQ(syncs, 1);
  sync.wait();
  EXPECT_EQ(syncs, 2);
}

TEST(VolumeSync, SyncsOnceForAllThatArriveDuringAnotherSync) {
  std::atomic<int> syncs = 0, arrived = 0;
  std::latch started(1);
  VolumeSync sync([&] {
    if (++syncs > 1)
      return;
    started.count_down();
    while (arrived < 8)
      std::this_thread::yield();
    std::this_thread::sleep_for(std::chrono::milliseconds(20));  // for the last to reach the queue
  });
  std::thread leader([&] { sync.wait(); });
  started.wait();
  std::vector<std::thread> group;
  for (int i = 0; i < 8; ++i)
    group.emplace_back([&] {
      ++arrived;
      sync.wait();
    });
  leader.join();
  for (std::thread& member : group)
    member.join();
  EXPECT_GE(syncs, 2);  // never satisfied by a sync that began before they arrived
  EXPECT_LE(syncs, 3);
}

TEST(VolumeSync, TellsEveryMemberOfAGroupThatItFailed) {
  std::atomic<int> syncs = 0, arrived = 0, failed = 0;
  std::latch started(1);
  VolumeSync sync([&] {
    if (++syncs > 1)
      throw Error(Reason::storage_failed, "no");
    started.count_down();
    while (arrived < 4)
      std::this_thread::yield();
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  });
  std::thread leader([&] { sync.wait(); });
  started.wait();
  std::vector<std::thread> group;
  for (int i = 0; i < 4; ++i)
    group.emplace_back([&] {
      ++arrived;
      if (reason_of([&] { sync.wait(); }) == Reason::storage_failed)
        ++failed;
    });
  leader.join();
  for (std::thread& member : group)
    member.join();
  EXPECT_EQ(failed, 4);
}

}  // namespace
}  // namespace ocisync
