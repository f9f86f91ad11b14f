#pragma once

#include "base/clock.h"
#include "export/export_volume.h"

namespace ocisync {

// What killed processes leave below the control directory is safe to remove at this age: nothing is
// being made for that long.
inline constexpr Duration kLeftoverAge = std::chrono::hours(1);

// Removes such leftovers: everything in staging that nobody holds a lock on, half-written files
// elsewhere, records without a tree. What cannot be removed is left for the next time.
void sweep_leftovers(const ExportVolume& volume, WallTime now);

}  // namespace ocisync
