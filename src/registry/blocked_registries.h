#pragma once

#include <map>
#include <optional>

#include "base/clock.h"
#include "base/error.h"
#include "base/guarded.h"
#include "net/url.h"

namespace ocisync {

// Until when each registry asked to be left alone (Retry-After), for everybody who talks to it.
// Safe from any thread.
class BlockedRegistries {
 public:
  // A wait this short is spent in the engine's queue; for a longer one the request fails at once
  // and says when it may come back.
  static constexpr Duration kShortWait = std::chrono::seconds(2);

  explicit BlockedRegistries(const Clock& clock) : clock_(clock) {}

  // `reason` is rate_limited or unavailable. An earlier, later moment stays.
  void block(const Origin& origin, SteadyTime until, Reason reason);

  // When the next request may leave: absent for now. Throws Error(rate_limited) or (unavailable),
  // with not_before, when that is further away than kShortWait.
  std::optional<SteadyTime> opens_at(const Origin& origin) const;

  WallTime wall(SteadyTime moment) const;  // the same moment, for people

 private:
  struct Blocked {
    SteadyTime until;
    Reason reason;
  };

  const Clock& clock_;
  Guarded<std::map<Origin, Blocked>> blocked_;
};

}  // namespace ocisync
