#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <utility>
#include <vector>

#include "net/transfer.h"

namespace ocisync {

// Which waiting transfer may have a handle next. To one origin run as many at a time as its route
// allows connections; once the origin was heard to speak HTTP/2, as many as there are handles for.
// An origin never holds more than three times the handles that are left, so that a silent one
// cannot take them all (and of a full pool a quarter stays for the others). Within an origin, and
// among origins with room, first come first served. Pure bookkeeping on the engine's thread; owns
// nothing.
class Admission {
 public:
  explicit Admission(std::size_t handles) : free_(handles) {}

  void enqueue(Transfer& transfer);
  Transfer* next();  // takes a handle for the transfer that it returns; null when none may start
  void release(const Transfer& transfer);                  // gives the handle back
  void learn(const Transfer& transfer, int http_version);  // which its origin answered with

  std::size_t origins() const noexcept { return lanes_.size(); }  // remembered

  // Drops the waiting transfers for which `unwanted` holds, and hands them back.
  std::vector<Transfer*> drop(const std::function<bool(const Transfer&)>& unwanted);

 private:
  struct Lane {
    std::deque<std::pair<std::uint64_t, Transfer*>> waiting;  // with the number of its arrival
    std::size_t active = 0;
    bool multiplexes = false;
  };

  Lane& lane_of(const Transfer& transfer);
  bool has_room(const Lane& lane) const;
  void forget_idle_lanes();

  std::map<Origin, Lane> lanes_;
  std::size_t free_;
  std::size_t waiting_ = 0;
  std::uint64_t arrivals_ = 0;
};

}  // namespace ocisync
