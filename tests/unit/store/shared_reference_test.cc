// References of a cache that several processes read and write at once.

#include <atomic>
#include <csignal>
#include <functional>
#include <new>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "reference_case.h"
#include "store/staging.h"

namespace ocisync {
namespace {

using namespace cache_test;
using testing::UnorderedElementsAre;

class SharedReferenceTest : public ReferenceCase {};

// Another process that acts once whenever this one is interrupted, while this one is held there. A
// timer interrupts it after microseconds, now few, now many, so wherever it may be.
class Interruptions {
 public:
  explicit Interruptions(const std::function<void(unsigned)>& act)
      : turns_(new (::mmap(nullptr, sizeof(Turns), PROT_READ | PROT_WRITE,
                           MAP_SHARED | MAP_ANONYMOUS, -1, 0)) Turns),
        actor_(::fork()) {
    if (actor_ == 0) {
      ::prctl(PR_SET_PDEATHSIG, SIGKILL);
      for (unsigned turn = 0;; ++turn) {
        while (turns_->asked <= turn)
          ::sched_yield();
        act(turn);
        turns_->done = turn + 1;
      }
    }
    current_ = turns_;
    ::signal(SIGALRM, &Interruptions::hold);
    arm();
  }

  ~Interruptions() {
    ::signal(SIGALRM, SIG_IGN);
    ::kill(actor_, SIGKILL);
    ::waitpid(actor_, nullptr, 0);
    ::munmap(turns_, sizeof(Turns));
  }

  Interruptions(const Interruptions&) = delete;
  Interruptions& operator=(const Interruptions&) = delete;

 private:
  struct Turns {
    std::atomic<unsigned> asked = 0, done = 0;
  };

  static void hold(int) {
    const unsigned turn = ++current_->asked;
    while (current_->done < turn)
      ::sched_yield();
    arm();
  }

  static void arm() {
    itimerval once = {};
    once.it_value.tv_usec = 1 + current_->asked * 37 % 500;
    ::setitimer(ITIMER_REAL, &once, nullptr);
  }

  static inline Turns* current_ = nullptr;
  Turns* turns_;
  pid_t actor_;
};

TEST_F(SharedReferenceTest, ShowsReadersOneSetOrTheOtherHoweverOftenItIsReplacedMeanwhile) {
  references.put(reference, chart.entry("same", "1"));
  const Interruptions interruptions([&](unsigned turn) {
    references.put(reference, (turn % 2 == 0 ? other : chart).entry("same", "1"));
  });
  for (int seen = 0; seen < 100;) {
    const auto entry = references.find(reference);
    if (!entry)
      continue;
    ++seen;
    const CachedChart& expected = entry->content == chart.content ? chart : other;
    ASSERT_EQ(entry->meta, expected.meta) << "in set " << seen;
    ASSERT_TRUE(!entry->manifest || entry->manifest == expected.manifest) << "in set " << seen;
  }
}

TEST_F(SharedReferenceTest, IsTheOldSetOrTheNewWhereverAWriterIsKilled) {
  references.put(reference, chart.entry("old", "1"));
  for (int round = 0; round < 40; ++round) {
    const pid_t writer = ::fork();
    if (writer == 0) {
      ::prctl(PR_SET_PDEATHSIG, SIGKILL);
      for (int i = 0;; ++i)
        references.put(reference, i % 2 == 0 ? other.entry("new", "2") : chart.entry("old", "1"));
    }
    std::this_thread::sleep_for(std::chrono::microseconds(round * 137 % 2000));
    ::kill(writer, SIGKILL);
    ::waitpid(writer, nullptr, 0);
    const auto entry = references.find(reference);
    ASSERT_TRUE(entry.has_value()) << "in round " << round;
    const bool is_old = entry->name == "old";
    EXPECT_EQ(entry->content, is_old ? chart.content : other.content);
    EXPECT_EQ(entry->meta, is_old ? chart.meta : other.meta);
    EXPECT_EQ(entry->manifest, is_old ? chart.manifest : other.manifest);
  }
  sweep_staging(volume.staging(), std::chrono::system_clock::now());
  EXPECT_TRUE(fs::is_empty(folder.staging()));
}

TEST_F(SharedReferenceTest, WritersAndRemoversDoNotTrip) {
  std::vector<std::jthread> threads;
  for (int thread = 0; thread < 4; ++thread)
    threads.emplace_back([&, thread] {
      const Reference own = reference.with_tag(std::to_string(thread));
      for (int i = 0; i < 100; ++i) {
        references.put(own, chart.entry());
        references.remove(own);
      }
      references.put(own, chart.entry());
    });
  threads.clear();
  EXPECT_THAT(references.tags(reference), UnorderedElementsAre("0", "1", "2", "3"));
}

}  // namespace
}  // namespace ocisync
