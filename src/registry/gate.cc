#include "registry/gate.h"

#include <fmt/format.h>

namespace ocisync {

void Gate::close(const Origin& origin, SteadyTime until, Reason reason) {
  closed_.with([&](auto& closed) {
    const auto [entry, fresh] = closed.try_emplace(origin, Closed{until, reason});
    if (!fresh && entry->second.until < until)
      entry->second = {until, reason};
  });
}

std::optional<SteadyTime> Gate::opens(const Origin& origin) const {
  const auto closed = closed_.with([&](const auto& all) -> std::optional<Closed> {
    const auto found = all.find(origin);
    return found == all.end() ? std::nullopt : std::optional(found->second);
  });
  const SteadyTime now = clock_.steady();
  if (!closed || closed->until <= now)
    return std::nullopt;
  if (closed->until - now <= kShort)
    return closed->until;
  throw Error(closed->reason, fmt::format("{} asked not to be asked before {}", origin.authority(),
                                          rfc3339(wall(closed->until))))
      .not_before(closed->until);
}

WallTime Gate::wall(SteadyTime moment) const {
  return clock_.wall() + std::chrono::duration_cast<WallTime::duration>(moment - clock_.steady());
}

}  // namespace ocisync
