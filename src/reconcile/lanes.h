#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <future>
#include <map>
#include <memory>
#include <mutex>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "base/clock.h"

namespace ocisync {

// Plain blocking workers. A job belongs to a group (the registry it talks to); a lane belongs to
// nobody. Groups take turns, and while several have work none may hold more than its share of
// lanes, so one slow registry cannot starve the others. A job that has to wait (a retry) waits in a
// queue ordered by time, never in a lane. Safe from any thread, jobs included.
class Lanes {
 public:
  Lanes(std::size_t count, const Clock& clock);
  ~Lanes();  // stops the lanes; what is queued is dropped
  Lanes(const Lanes&) = delete;
  Lanes& operator=(const Lanes&) = delete;

  struct Job {
    std::string group;
    std::function<void()> run;  // must not throw
    SteadyTime not_before{};
  };

  void add(Job job);

  // Blocks until nothing is queued, waiting or running, or until `stop`: then queued and waiting
  // jobs are dropped and only those that run are awaited. Returns how many were dropped.
  std::size_t drain(std::stop_token stop);

  // Work that may go on beside the caller's own. An idle lane takes it; if none does before get()
  // is called, the caller does it there and then, so it can never wait for itself.
  class Beside {
   public:
    void get();  // rethrows what the work threw

   private:
    friend class Lanes;
    struct State;

    explicit Beside(std::shared_ptr<State> state) : state_(std::move(state)) {}

    std::shared_ptr<State> state_;
  };

  Beside beside(std::function<void()> work);

 private:
  struct Group {
    std::deque<std::function<void()>> ready;
    std::size_t running = 0;
  };

  void work(std::stop_token stop);
  void promote_due_jobs();
  std::map<std::string, Group>::iterator next_group();
  bool run_one(std::unique_lock<std::mutex>& lock);
  bool idle() const;

  const Clock& clock_;
  const std::size_t count_;
  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::map<std::string, Group> groups_;
  std::string last_served_;
  std::multimap<SteadyTime, Job> waiting_;
  std::deque<std::shared_ptr<Beside::State>> beside_;
  std::size_t running_ = 0;
  std::vector<std::jthread> lanes_;
};

}  // namespace ocisync
