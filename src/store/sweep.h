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
  std::uint64_t max_size = 5ULL << 30;     // above it, unnamed content goes whatever its age
  Duration floor = std::chrono::hours(1);  // but never younger than this
  bool dry_run = false;
  bool everything_unnamed = false;  // gc --all: age and size do not matter, the floor does
};

struct SweepReport {
  std::uint64_t removed_blobs = 0, removed_bytes = 0, kept_blobs = 0, kept_bytes = 0;
  std::uint64_t removed_references = 0;
  std::vector<std::string> expired_roots;  // owners whose roots lapsed: worth a warning
  // Owners whose roots are damaged or of a newer version. As they may name anything, nothing was
  // removed; their next pass, or a week, mends it.
  std::vector<std::string> unreadable_roots;
};

// Removes cache content that no root and no pin names, least recently used first (mtime; find() and
// ensure() renew it): first the references that would lose a blob by it, then the blobs. References
// left without their blobs and what killed processes left go too. Foreign files and references that
// we would not have named so stay, with the blobs these link. Where pins/ was lost meanwhile, every
// reference is pinned first, as when the cache is opened. charts/ is left alone: its entries
// are a byte each and a reference may come back. Safe beside any number of running processes: what
// they wrote or verified within the floor is not touched.
SweepReport sweep(const Volume& volume, const SweepPolicy& policy, WallTime now);

}  // namespace ocisync
