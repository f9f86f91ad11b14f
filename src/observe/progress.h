#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"

namespace ocisync {

// How far a pass has come, for people who watch it: charts done and the transfers in flight. Told
// by the lanes, read by whoever shows it. Safe from any thread.
class Progress {
 public:
  explicit Progress(const Clock& clock);

  void expect(std::size_t charts);  // a pass begins that works on so many
  void chart_done(bool failed);     // one of them is done with

  using Transfer = std::uint64_t;
  Transfer begin(std::string name, std::uint64_t size);  // bytes; what the descriptor promises
  void moved(Transfer transfer, std::uint64_t done);     // less than before: it began anew
  void end(Transfer transfer);

  struct Moving {
    std::string name{};
    std::uint64_t done = 0;
    std::uint64_t size = 0;
    double rate = 0;  // bytes a second, on average
  };

  struct Facts {
    std::size_t charts = 0;
    std::size_t done = 0;  // failed ones included
    std::size_t failed = 0;
    std::uint64_t bytes = 0;       // of blobs, moved
    double rate = 0;               // bytes a second, over the last seconds that were looked at
    std::vector<Moving> moving{};  // the oldest first
  };

  Facts facts();

 private:
  struct InFlight {
    Moving facts;
    SteadyTime began;
  };

  const Clock& clock_;
  std::mutex mutex_;
  Facts facts_;
  Transfer last_ = 0;
  std::map<Transfer, InFlight> in_flight_;
  std::deque<std::pair<SteadyTime, std::uint64_t>> samples_;  // of bytes
};

}  // namespace ocisync
