#include "reconcile/lanes.h"

#include <algorithm>
#include <exception>

namespace ocisync {

struct Lanes::Beside::State {
  std::mutex mutex;
  std::condition_variable done;
  std::function<void()> work;
  std::exception_ptr thrown;
  enum class Progress { waiting, running, finished } progress = Progress::waiting;

  // True when this call was the one that did the work.
  bool run_if_waiting() {
    {
      std::lock_guard lock(mutex);
      if (progress != Progress::waiting)
        return false;
      progress = Progress::running;
    }
    try {
      work();
    } catch (...) {
      thrown = std::current_exception();
    }
    std::lock_guard lock(mutex);
    progress = Progress::finished;
    done.notify_all();
    return true;
  }
};

void Lanes::Beside::get() {
  if (!state_->run_if_waiting()) {
    std::unique_lock lock(state_->mutex);
    state_->done.wait(lock, [&] { return state_->progress == State::Progress::finished; });
  }
  if (state_->thrown)
    std::rethrow_exception(state_->thrown);
}

Lanes::Lanes(std::size_t count) { set_count(count); }

Lanes::~Lanes() {
  for (std::jthread& lane : lanes_)
    lane.request_stop();
}

void Lanes::set_count(std::size_t count) {
  const std::lock_guard lock(mutex_);
  count_ = std::max<std::size_t>(count, 1);
  while (lanes_.size() < count_)
    lanes_.emplace_back([this](std::stop_token stop) { work(stop); });
  changed_.notify_all();
}

void Lanes::add(Job job) {
  const std::lock_guard lock(mutex_);
  groups_[job.group].ready.push_back(std::move(job.run));
  changed_.notify_all();
}

bool Lanes::idle() const {
  return running_ == 0 && std::all_of(groups_.begin(), groups_.end(),
                                      [](const auto& entry) { return entry.second.ready.empty(); });
}

std::size_t Lanes::drain(std::stop_token stop) {
  std::unique_lock lock(mutex_);
  if (changed_.wait(lock, stop, [&] { return idle(); }))
    return 0;
  std::size_t dropped = 0;
  for (auto& [name, group] : groups_) {
    dropped += group.ready.size();
    group.ready.clear();
  }
  changed_.wait(lock, [&] { return running_ == 0; });
  return dropped;
}

void Lanes::expect(const std::string& group) {
  const std::lock_guard lock(mutex_);
  ++groups_[group].expected;
}

void Lanes::forget(const std::string& group) {
  const std::lock_guard lock(mutex_);
  const auto found = groups_.find(group);
  if (found == groups_.end() || found->second.expected == 0)
    return;
  --found->second.expected;
  drop_if_idle(found);
  changed_.notify_all();
}

Lanes::Beside Lanes::beside(std::function<void()> work) {
  auto state = std::make_shared<Beside::State>();
  state->work = std::move(work);
  const std::lock_guard lock(mutex_);
  beside_.push_back(state);
  changed_.notify_all();
  return Beside(std::move(state));
}

void Lanes::drop_if_idle(Groups::iterator group) {
  if (group->second.ready.empty() && group->second.running == 0 && group->second.expected == 0)
    groups_.erase(group);
}

// So many lanes are not for a group that has one, nor for work beside another.
std::size_t Lanes::kept_free() const {
  const auto without_lane = std::count_if(
      groups_.begin(), groups_.end(), [](const auto& entry) { return entry.second.running == 0; });
  return std::min(static_cast<std::size_t>(without_lane), count_ / 2);
}

bool Lanes::may_run(const Group& group) const {
  if (group.ready.empty() || running_ >= count_)
    return false;
  return group.running == 0 || count_ - running_ > kept_free();
}

Lanes::Groups::iterator Lanes::next_group() {
  const auto ready = [this](const auto& entry) { return may_run(entry.second); };
  const auto after = groups_.upper_bound(last_served_);
  const auto found = std::find_if(after, groups_.end(), ready);
  if (found != groups_.end())
    return found;
  const auto wrapped = std::find_if(groups_.begin(), after, ready);
  return wrapped == after ? groups_.end() : wrapped;
}

bool Lanes::run_beside(std::unique_lock<std::mutex>& lock) {
  if (beside_.empty() || running_ >= count_ || count_ - running_ <= kept_free())
    return false;
  const auto state = beside_.front();
  beside_.pop_front();
  ++running_;
  lock.unlock();
  state->run_if_waiting();
  lock.lock();
  --running_;
  changed_.notify_all();
  return true;
}

bool Lanes::run_one(std::unique_lock<std::mutex>& lock) {
  if (run_beside(lock))
    return true;
  const auto next = next_group();
  if (next == groups_.end())
    return false;
  last_served_ = next->first;
  Group& group = next->second;
  std::function<void()> run = std::move(group.ready.front());
  group.ready.pop_front();
  ++group.running;
  ++running_;
  lock.unlock();
  run();
  run = nullptr;  // what it holds goes before the lane is free
  lock.lock();
  --group.running;
  --running_;
  drop_if_idle(next);
  changed_.notify_all();
  return true;
}

void Lanes::work(std::stop_token stop) {
  std::unique_lock lock(mutex_);
  while (!stop.stop_requested())
    if (!run_one(lock))
      changed_.wait(lock, stop, [&] {
        const bool spare = running_ < count_ && count_ - running_ > kept_free();
        return (!beside_.empty() && spare) || next_group() != groups_.end();
      });
}

}  // namespace ocisync
