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

Lanes::Lanes(std::size_t count, const Clock& clock) : clock_(clock), count_(count) {
  for (std::size_t i = 0; i < count; ++i)
    lanes_.emplace_back([this](std::stop_token stop) { work(stop); });
}

Lanes::~Lanes() {
  for (std::jthread& lane : lanes_)
    lane.request_stop();
}

void Lanes::add(Job job) {
  std::lock_guard lock(mutex_);
  if (job.not_before > clock_.steady())
    waiting_.emplace(job.not_before, std::move(job));
  else
    groups_[job.group].ready.push_back(std::move(job.run));
  changed_.notify_one();
}

Lanes::Beside Lanes::beside(std::function<void()> work) {
  auto state = std::make_shared<Beside::State>();
  state->work = std::move(work);
  std::lock_guard lock(mutex_);
  beside_.push_back(state);
  changed_.notify_one();
  return Beside(std::move(state));
}

std::size_t Lanes::drain(std::stop_token stop) {
  std::unique_lock lock(mutex_);
  if (changed_.wait(lock, stop, [&] { return idle(); }))
    return 0;
  std::size_t dropped = waiting_.size();
  waiting_.clear();
  for (auto& [name, group] : groups_) {
    dropped += group.ready.size();
    group.ready.clear();
  }
  changed_.wait(lock, [&] { return running_ == 0; });
  return dropped;
}

bool Lanes::idle() const {
  return running_ == 0 && waiting_.empty() &&
         std::all_of(groups_.begin(), groups_.end(),
                     [](const auto& entry) { return entry.second.ready.empty(); });
}

void Lanes::promote_due_jobs() {
  while (!waiting_.empty() && waiting_.begin()->first <= clock_.steady()) {
    Job job = std::move(waiting_.begin()->second);
    waiting_.erase(waiting_.begin());
    groups_[job.group].ready.push_back(std::move(job.run));
  }
}

std::map<std::string, Lanes::Group>::iterator Lanes::next_group() {
  const auto busy = std::count_if(groups_.begin(), groups_.end(), [](const auto& entry) {
    return entry.second.running > 0 || !entry.second.ready.empty();
  });
  // Half the lanes at most while another group has work: a registry that hangs leaves the other
  // half.
  const std::size_t share = busy > 1 ? std::max<std::size_t>(1, count_ / 2) : count_;
  const auto may_run = [&](const auto& entry) {
    return !entry.second.ready.empty() && entry.second.running < share;
  };
  const auto after = groups_.upper_bound(last_served_);
  const auto found = std::find_if(after, groups_.end(), may_run);
  if (found != groups_.end())
    return found;
  const auto wrapped = std::find_if(groups_.begin(), after, may_run);
  return wrapped == after ? groups_.end() : wrapped;
}

bool Lanes::run_one(std::unique_lock<std::mutex>& lock) {
  if (!beside_.empty()) {
    const auto state = beside_.front();
    beside_.pop_front();
    lock.unlock();
    state->run_if_waiting();
    lock.lock();
    return true;
  }
  promote_due_jobs();
  const auto next = next_group();
  if (next == groups_.end())
    return false;
  last_served_ = next->first;
  Group& group = next->second;
  const std::function<void()> run = std::move(group.ready.front());
  group.ready.pop_front();
  ++group.running;
  ++running_;
  lock.unlock();
  run();
  lock.lock();
  --group.running;
  --running_;
  changed_.notify_all();
  return true;
}

void Lanes::work(std::stop_token stop) {
  std::unique_lock lock(mutex_);
  while (!stop.stop_requested()) {
    if (run_one(lock))
      continue;
    const SteadyTime due = waiting_.empty() ? SteadyTime::max() : waiting_.begin()->first;
    const auto something_to_do = [&] {
      const bool sooner = !waiting_.empty() && waiting_.begin()->first < due;
      return !beside_.empty() || next_group() != groups_.end() || sooner;
    };
    if (due == SteadyTime::max())
      changed_.wait(lock, stop, something_to_do);
    else
      changed_.wait_until(lock, stop, due, something_to_do);
  }
}

}  // namespace ocisync
