#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/clock.h"
#include "export/publisher.h"

namespace ocisync {

struct RetentionReport {
  std::uint64_t removed = 0;  // trees and set-aside directories
  // Manifests of this owner's superseded revisions that stay, and of its generations, sorted.
  std::vector<Digest> kept;
  // What could not be done and is left for the next time: how much, and what came first.
  std::uint64_t failures = 0;
  std::string first_failure;
};

// Removes trees (and set-aside directories) that no publication of any owner shows, that are beyond
// the newest `keep_revisions` superseded ones of their path, and that were superseded longer than
// `keep_for` ago. Only this owner's: what another owner's history names is left to that owner. What
// nobody names any more goes once it is unused for `keep_for`, at least an hour, and so do
// leftovers of killed processes. What cannot be removed keeps nothing else from going.
RetentionReport retain(Publisher& publisher, const ExportSpec& spec, WallTime now);

}  // namespace ocisync
