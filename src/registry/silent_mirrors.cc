#include "registry/silent_mirrors.h"

#include <fmt/format.h>

#include "base/error.h"

namespace ocisync {
namespace {

constexpr Duration kRest = std::chrono::minutes(1);

}  // namespace

void SilentMirrors::add(const Origin& origin) {
  until_.with([&](auto& until) { until[origin] = clock_.steady() + kRest; });
}

void SilentMirrors::check(const Origin& origin) const {
  const bool silent = until_.with([&](const auto& until) {
    const auto found = until.find(origin);
    return found != until.end() && found->second > clock_.steady();
  });
  if (silent)
    throw Error(Reason::unavailable,
                fmt::format("{} gave no answer a moment ago", origin.authority()));
}

}  // namespace ocisync
