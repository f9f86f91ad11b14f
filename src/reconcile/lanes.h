#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

namespace ocisync {

// Plain blocking workers. A job belongs to a group (the registry it talks to); a lane belongs to
// nobody. Groups take turns. Each gets its first lane whenever one is free, and more only while
// enough stay free for the other groups that are expected to come, up to half of all: registries
// that hang cannot starve the others. Who has to wait for a moment waits in the Schedule, never in
// a lane. Safe from any thread, jobs included.
class Lanes {
 public:
  explicit Lanes(std::size_t count);
  ~Lanes();  // stops the lanes; what is queued is dropped
  Lanes(const Lanes&) = delete;
  Lanes& operator=(const Lanes&) = delete;

  struct Job {
    std::string group;
    std::function<void()> run;  // must not throw
  };

  void add(Job job);

  // Blocks until nothing is queued or running, or until `stop`: then what is queued is dropped and
  // only what runs is awaited. Returns how many were dropped.
  std::size_t drain(std::stop_token stop);

  // Whether jobs of the group may come at any time, though none is there now. Counted: as many
  // forget() as expect().
  void expect(const std::string& group);
  void forget(const std::string& group);

  // From now on so many; threads that are there stay, those beyond the count rest.
  void set_count(std::size_t count);

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
    std::size_t expected = 0;
  };

  using Groups = std::map<std::string, Group>;

  void work(std::stop_token stop);
  std::size_t kept_free() const;
  bool may_run(const Group& group) const;
  Groups::iterator next_group();
  bool idle() const;
  void drop_if_idle(Groups::iterator group);
  bool run_one(std::unique_lock<std::mutex>& lock);
  bool run_beside(std::unique_lock<std::mutex>& lock);

  std::mutex mutex_;
  std::condition_variable_any changed_;
  Groups groups_;
  std::string last_served_;
  std::deque<std::shared_ptr<Beside::State>> beside_;
  std::size_t count_ = 0;
  std::size_t running_ = 0;
  std::vector<std::jthread> lanes_;
};

}  // namespace ocisync
