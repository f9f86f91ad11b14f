#include "net/admission.h"

#include <algorithm>

namespace ocisync {
namespace {

constexpr std::size_t kMostLanes = 256;  // redirect targets come and go

}  // namespace

Admission::Lane& Admission::lane_of(const Transfer& transfer) {
  return lanes_[transfer.request().url.origin()];
}

void Admission::enqueue(Transfer& transfer) {
  forget_idle_lanes();
  lane_of(transfer).waiting.emplace_back(arrivals_++, &transfer);
  ++waiting_;
}

bool Admission::has_room(const Lane& lane) const {
  if (lane.waiting.empty() || lane.active >= 3 * free_)
    return false;
  const auto& route = *lane.waiting.front().second->request().route;
  return lane.multiplexes || lane.active < std::max(route.connections, 1U);
}

Transfer* Admission::next() {
  if (waiting_ == 0 || free_ == 0)
    return nullptr;
  Lane* oldest = nullptr;
  for (auto& [origin, lane] : lanes_)
    if (has_room(lane) &&
        (oldest == nullptr || lane.waiting.front().first < oldest->waiting.front().first))
      oldest = &lane;
  if (oldest == nullptr)
    return nullptr;
  Transfer* const chosen = oldest->waiting.front().second;
  oldest->waiting.pop_front();
  ++oldest->active;
  --waiting_;
  --free_;
  return chosen;
}

void Admission::release(const Transfer& transfer) {
  --lane_of(transfer).active;
  ++free_;
}

void Admission::learn(const Transfer& transfer, int http_version) {
  lane_of(transfer).multiplexes = http_version >= 20;
}

std::vector<Transfer*> Admission::drop(const std::function<bool(const Transfer&)>& unwanted) {
  std::vector<Transfer*> dropped;
  for (auto& [origin, lane] : lanes_)
    std::erase_if(lane.waiting, [&](const auto& place) {
      if (!unwanted(*place.second))
        return false;
      dropped.push_back(place.second);
      return true;
    });
  waiting_ -= dropped.size();
  return dropped;
}

void Admission::forget_idle_lanes() {
  if (lanes_.size() > kMostLanes)
    std::erase_if(lanes_, [](const auto& entry) {
      return entry.second.active == 0 && entry.second.waiting.empty();
    });
}

}  // namespace ocisync
