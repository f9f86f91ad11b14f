#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "reconcile/chart_task.h"
#include "reconcile/outcome.h"
#include "store/sweep.h"

namespace ocisync {

// What happened since the last time, as far as tidying depends on it.
struct HouseWork {
  bool prune = true;        // withdraw exports that left the spec
  bool published = false;   // index.json no longer says what is there
  bool superseded = false;  // some content may have lost its last name
  bool sweep_anyway = false;
  std::vector<std::string> pulled;  // references, where nothing is exported
};

struct HouseReport {
  std::vector<Outcome> withdrawn;  // and what could not be
  bool swept = false;
  bool failed = false;        // before its end; what was to be done is still to be done
  std::uint64_t evicted = 0;  // blobs
  std::uint64_t kept_bytes = 0, kept_blobs = 0;
};

// What ends a pass, on the volumes: withdrawing what left the spec, retention of superseded
// revisions, the roots that keep cache content alive, the sweep, index.json. Nothing of it fails a
// pass: it is tried again with the next one. Any thread, one at a time.
HouseReport keep_house(const Rooms& rooms, const HouseWork& work);

// Whose content a sweep no longer keeps, and whose roots kept it from removing anything.
void tell_of_roots(const SweepReport& swept, Log& log);

}  // namespace ocisync
