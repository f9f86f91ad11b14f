#include "reconcile/lanes.h"

#include <latch>
#include <set>

#include <gtest/gtest.h>

namespace ocisync {
namespace {

// Jobs that begin and then wait to be let go, in one group each.
class Hanging {
 public:
  explicit Hanging(Lanes& lanes) : lanes_(lanes) {}

  void add(const std::string& group) {
    lanes_.add({.group = group, .run = [this, group] {
                  std::unique_lock lock(mutex_);
                  ++begun_[group];
                  changed_.notify_all();
                  changed_.wait(lock, [&] { return let_go_; });
                }});
  }

  void await(const std::string& group, int count) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return begun_[group] >= count; });
  }

  int begun(const std::string& group) {
    const std::lock_guard lock(mutex_);
    return begun_[group];
  }

  void let_go() {
    const std::lock_guard lock(mutex_);
    let_go_ = true;
    changed_.notify_all();
  }

 private:
  Lanes& lanes_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::map<std::string, int> begun_;
  bool let_go_ = false;
};

TEST(Lanes, AGroupThatIsAloneMayHaveThemAll) {
  Lanes lanes(4);
  Hanging jobs(lanes);
  for (int i = 0; i < 6; ++i)
    jobs.add("a");
  jobs.await("a", 4);
  EXPECT_EQ(jobs.begun("a"), 4);
  jobs.let_go();
  EXPECT_EQ(lanes.drain({}), 0U);
  EXPECT_EQ(jobs.begun("a"), 6);
}

TEST(Lanes, WhatIsExpectedFindsALaneHoweverManyHang) {
  Lanes lanes(4);
  Hanging jobs(lanes);
  lanes.expect("b");
  lanes.expect("c");
  for (int i = 0; i < 8; ++i)
    jobs.add("a");
  jobs.await("a", 2);
  jobs.add("b");
  jobs.await("b", 1);
  jobs.add("c");
  jobs.await("c", 1);
  EXPECT_EQ(jobs.begun("a"), 2);
  jobs.let_go();
  EXPECT_EQ(lanes.drain({}), 0U);
}

TEST(Lanes, WhatIsForgottenHoldsNothingBack) {
  Lanes lanes(2);
  Hanging jobs(lanes);
  lanes.expect("b");
  jobs.add("a");
  jobs.add("a");
  jobs.await("a", 1);
  lanes.forget("b");
  jobs.await("a", 2);
  jobs.let_go();
  EXPECT_EQ(lanes.drain({}), 0U);
}

TEST(Lanes, MoreOfThemTakeWhatWaits) {
  Lanes lanes(1);
  Hanging jobs(lanes);
  jobs.add("a");
  jobs.add("a");
  jobs.await("a", 1);
  lanes.set_count(2);
  jobs.await("a", 2);
  jobs.let_go();
  EXPECT_EQ(lanes.drain({}), 0U);
}

TEST(Lanes, DrainingAfterAStopDropsWhatHasNotBegun) {
  Lanes lanes(1);
  Hanging jobs(lanes);
  jobs.add("a");
  jobs.add("a");
  jobs.await("a", 1);
  std::stop_source stop;
  stop.request_stop();
  std::jthread later([&] { jobs.let_go(); });
  EXPECT_LE(lanes.drain(stop.get_token()), 1U);
}

TEST(Lanes, WorkBesideIsDoneByTheCallerWhenNobodyElseCan) {
  Lanes lanes(1);
  std::latch done(1);
  lanes.add({.group = "a", .run = [&] {
               auto beside = lanes.beside([&] { done.count_down(); });
               beside.get();
             }});
  done.wait();
  EXPECT_EQ(lanes.drain({}), 0U);
}

}  // namespace
}  // namespace ocisync
