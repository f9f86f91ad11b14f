#include "observe/progress.h"

#include <algorithm>

namespace ocisync {
namespace {

constexpr auto kWindow = std::chrono::seconds(3);  // of the rate that is shown

double rate(std::uint64_t bytes, SteadyTime::duration time) {
  const double seconds = std::chrono::duration<double>(time).count();
  return seconds > 0 ? static_cast<double>(bytes) / seconds : 0;
}

}  // namespace

Progress::Progress(const Clock& clock) : clock_(clock) {}

void Progress::expect(std::size_t charts) {
  const std::lock_guard lock(mutex_);
  facts_ = {};
  facts_.charts = charts;
  samples_ = {{clock_.steady(), 0}};
}

void Progress::chart_done(bool failed) {
  const std::lock_guard lock(mutex_);
  ++facts_.done;
  facts_.failed += failed ? 1U : 0U;
}

Progress::Transfer Progress::begin(std::string name, std::uint64_t size) {
  const std::lock_guard lock(mutex_);
  in_flight_.emplace(++last_, InFlight{{.name = std::move(name), .size = size}, clock_.steady()});
  return last_;
}

void Progress::moved(Transfer transfer, std::uint64_t done) {
  const std::lock_guard lock(mutex_);
  const auto found = in_flight_.find(transfer);
  if (found == in_flight_.end())
    return;
  std::uint64_t& before = found->second.facts.done;
  facts_.bytes += done > before ? done - before : 0;
  before = done;
}

void Progress::end(Transfer transfer) {
  const std::lock_guard lock(mutex_);
  in_flight_.erase(transfer);
}

Progress::Facts Progress::facts() {
  const std::lock_guard lock(mutex_);
  const SteadyTime now = clock_.steady();
  samples_.emplace_back(now, facts_.bytes);
  while (samples_.size() > 2 && now - samples_[1].first >= kWindow)
    samples_.pop_front();
  Facts facts = facts_;
  facts.rate = rate(facts_.bytes - samples_.front().second, now - samples_.front().first);
  for (const auto& [id, transfer] : in_flight_) {
    facts.moving.push_back(transfer.facts);
    facts.moving.back().rate = rate(transfer.facts.done, now - transfer.began);
  }
  return facts;
}

}  // namespace ocisync
