#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/clock.h"
#include "store/roots.h"
#include "store/volume.h"

namespace ocisync {

struct SweepPolicy {
  Duration min_age = std::chrono::hours(24);
  std::uint64_t max_size = 5ULL << 30;  // above it, unnamed content goes whatever its age
  Duration floor = std::chrono::hours(1);  // but never younger than this
  bool dry_run = false;
  bool everything_unnamed = false;  // gc --all: age and size do not matter, the floor does
};

struct SweepReport {
  std::uint64_t removed_blobs = 0, removed_bytes = 0, kept_blobs = 0, kept_bytes = 0;
  std::uint64_t removed_references = 0;
  std::vector<std::string> expired_roots;  // owners whose roots lapsed: worth a warning
};

// Removes cache content that no root and no pin names, least recently used first (mtime; find() and
// ensure() renew it), then references left without their blobs, then stale staging files.
SweepReport sweep(const Volume& volume, const SweepPolicy& policy, WallTime now);

}  // namespace ocisync
