#pragma once

#include <optional>

#include "base/clock.h"
#include "base/sink.h"
#include "chart/archive.h"

namespace ocisync {

// When the newest entry of a chart archive was last written. Absent: no entry says so, which is
// what an epoch of 0 means. Throws as unpack_chart does for what is no archive.
std::optional<WallTime> newest_entry(Source& archive, const ArchiveLimits& limits);

}  // namespace ocisync
