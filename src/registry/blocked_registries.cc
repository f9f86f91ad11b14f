#include "registry/blocked_registries.h"

#include <fmt/format.h>

namespace ocisync {

void BlockedRegistries::block(const Origin& origin, SteadyTime until, Reason reason) {
  blocked_.with([&](auto& blocked) {
    const auto [entry, fresh] = blocked.try_emplace(origin, Blocked{until, reason});
    if (!fresh && entry->second.until < until)
      entry->second = {until, reason};
  });
}

std::optional<SteadyTime> BlockedRegistries::opens_at(const Origin& origin) const {
  const auto blocked = blocked_.with([&](const auto& all) -> std::optional<Blocked> {
    const auto found = all.find(origin);
    return found == all.end() ? std::nullopt : std::optional(found->second);
  });
  const SteadyTime now = clock_.steady();
  if (!blocked || blocked->until <= now)
    return std::nullopt;
  if (blocked->until - now <= kShortWait)
    return blocked->until;
  throw Error(blocked->reason, fmt::format("{} asked not to be asked before {}", origin.authority(),
                                           rfc3339(wall(blocked->until))))
      .not_before(blocked->until);
}

WallTime BlockedRegistries::wall(SteadyTime moment) const {
  return clock_.wall() + std::chrono::duration_cast<WallTime::duration>(moment - clock_.steady());
}

}  // namespace ocisync
