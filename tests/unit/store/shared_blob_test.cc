#include <atomic>
#include <barrier>
#include <csignal>
#include <latch>
#include <thread>
#include <vector>

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cache_folder.h"

namespace ocisync {
namespace {

using namespace cache_test;

TEST(SharedBlob, IsFetchedOnceByEightThreadsOfTwoCaches) {
  const CacheFolder folder;
  const Volume volume = folder.open();
  BlobCache first(volume), second(volume);
  const std::string bytes(200'000, 'x');
  std::atomic<int> requests = 0;
  std::barrier start(8);
  std::vector<std::jthread> threads;
  for (int i = 0; i < 8; ++i)
    threads.emplace_back([&, i] {
      start.arrive_and_wait();
      BlobCache& cache = i % 2 == 0 ? first : second;
      const BlobFile blob = cache.ensure(descriptor_of(bytes),
                                         [&](BlobWriter& writer) {
                                           ++requests;
                                           writer.write(as_bytes(bytes));
                                         },
                                         {});
      EXPECT_EQ(cache.read(blob, bytes.size()), bytes);
    });
  threads.clear();
  EXPECT_EQ(requests, 1);
  EXPECT_EQ(first.counts().misses + second.counts().misses, 1U);
  EXPECT_EQ(first.counts().hits + second.counts().hits, 7U);
}

// One byte a message between parent and child.
class Pipe {
 public:
  Pipe() { EXPECT_EQ(::pipe(ends_), 0); }

  ~Pipe() {
    ::close(ends_[0]);
    ::close(ends_[1]);
  }

  void tell() { EXPECT_EQ(::write(ends_[1], "x", 1), 1); }

  void wait() {
    char byte = 0;
    EXPECT_EQ(::read(ends_[0], &byte, 1), 1);
  }

 private:
  int ends_[2] = {-1, -1};
};

TEST(SharedBlob, IsFetchedOnceByTwoProcesses) {
  const CacheFolder folder;
  const Volume volume = folder.open();
  Pipe fetching, go_on;
  const pid_t child = ::fork();
  if (child == 0) {
    const Volume own = folder.open();
    BlobCache(own).ensure(descriptor_of("content"),
                          [&](BlobWriter& writer) {
                            fetching.tell();
                            go_on.wait();
                            writer.write(as_bytes("content"));
                          },
                          {});
    ::_exit(0);
  }
  fetching.wait();
  BlobCache cache(volume);
  std::jthread other([&] {
    const BlobFile blob = cache.ensure(descriptor_of("content"), no_fetch(), {});
    EXPECT_EQ(cache.read(blob, 100), "content");
  });
  go_on.tell();
  other.join();
  EXPECT_EQ(cache.counts().hits, 1U);
  int status = 0;
  ::waitpid(child, &status, 0);
  EXPECT_EQ(status, 0);
}

TEST(SharedBlob, IsFetchedAfterTheProcessThatHadTheLockWasKilled) {
  const CacheFolder folder;
  const Volume volume = folder.open();
  Pipe fetching, never;
  const pid_t child = ::fork();
  if (child == 0) {
    const Volume own = folder.open();
    BlobCache(own).ensure(descriptor_of("content"),
                          [&](BlobWriter& writer) {
                            writer.write(as_bytes("con"));
                            fetching.tell();
                            never.wait();
                          },
                          {});
    ::_exit(0);
  }
  fetching.wait();
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  Served served("content");
  BlobCache(volume).ensure(served.descriptor(), served.fetch(), {});
  EXPECT_EQ(served.requests, 1);
  folder.open();
  EXPECT_TRUE(fs::is_empty(folder.staging()));
}

TEST(SharedBlob, IsFetchedTwiceRatherThanNotAtAllWithoutLocks) {
  const CacheFolder folder;
  const Volume volume = folder.open();
  fs::remove_all(folder.path() / ".ocisync/locks");
  write_file(folder.path() / ".ocisync/locks", "not a folder");
  Served served("content");
  const BlobFile blob = BlobCache(volume).ensure(served.descriptor(), served.fetch(), {});
  EXPECT_EQ(blob.size, 7U);
}

// A leader that fails with `reason` while another thread waits for it.
struct FailedFlight {
  explicit FailedFlight(Reason reason) {
    std::atomic<bool> waiting = false;
    std::jthread leader([&] {
      leaders = reason_of([&] {
        cache.ensure(descriptor_of("content"),
                     [&](BlobWriter&) {
                       leading.arrive_and_wait();
                       waiting.wait(false);
                       throw Error(reason, "the leader's own trouble");
                     },
                     {});
      });
    });
    std::jthread waiter([&] {
      leading.arrive_and_wait();
      waiting = true;
      waiting.notify_all();
      waiters = reason_of([&] { cache.ensure(served.descriptor(), served.fetch(), {}); });
    });
  }

  CacheFolder folder;
  Volume volume = folder.open();
  BlobCache cache{volume};
  Served served{"content"};
  std::barrier<> leading{2};
  std::optional<Reason> leaders, waiters;
};

TEST(SharedBlob, DoesNotSufferFromAnotherThreadsCredentials) {
  for (const Reason reason : {Reason::unauthorized, Reason::cancelled, Reason::not_found}) {
    const FailedFlight flight(reason);
    EXPECT_EQ(flight.leaders, reason);
    EXPECT_EQ(flight.waiters, std::nullopt);
    EXPECT_EQ(flight.served.requests, 1);
  }
}

// Whether a thread that asks while another is fetching gets that one's time-out, rather than one of
// its own. It may come too late for that, so false proves nothing.
bool shares_a_time_out() {
  const CacheFolder folder;
  const Volume volume = folder.open();
  BlobCache cache(volume);
  std::latch leading(1), release(1);
  std::jthread leader([&] {
    EXPECT_EQ(reason_of([&] {
                cache.ensure(descriptor_of("content"),
                             [&](BlobWriter&) {
                               leading.count_down();
                               release.wait();
                               throw Error(Reason::timed_out, "no answer");
                             },
                             {});
              }),
              Reason::timed_out);
  });
  leading.wait();
  std::optional<Reason> reason;
  std::jthread waiter([&] {
    const auto late = [](BlobWriter&) { throw Error(Reason::not_found, "came too late"); };
    reason = reason_of([&] { cache.ensure(descriptor_of("content"), late, {}); });
  });
  std::this_thread::sleep_for(std::chrono::milliseconds(5));
  release.count_down();
  waiter.join();
  return reason == Reason::timed_out;
}

TEST(SharedBlob, TimesOutOnceForAllWhoWait) {
  bool shared = false;
  for (int round = 0; round < 100 && !shared; ++round)
    shared = shares_a_time_out();
  EXPECT_TRUE(shared);
}

TEST(SharedBlob, ThreadStopsWaitingWhenItIsToldTo) {
  const CacheFolder folder;
  const Volume volume = folder.open();
  BlobCache cache(volume);
  std::latch leading(1), done(1);
  std::jthread leader([&] {
    cache.ensure(descriptor_of("content"),
                 [&](BlobWriter& writer) {
                   leading.count_down();
                   done.wait();
                   writer.write(as_bytes("content"));
                 },
                 {});
  });
  leading.wait();
  std::stop_source stop;
  std::jthread stopper([&] { stop.request_stop(); });
  EXPECT_EQ(
      reason_of([&] { cache.ensure(descriptor_of("content"), no_fetch(), stop.get_token()); }),
      Reason::cancelled);
  done.count_down();
}

}  // namespace
}  // namespace ocisync
