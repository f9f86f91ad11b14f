#pragma once

#include "base/clock.h"
#include "export/publisher.h"

namespace ocisync {

struct RetentionReport {
  std::uint64_t removed = 0;
  std::vector<Digest> kept;  // manifests of superseded revisions that stay
};

// Removes trees (and set-aside directories) that no publication of any owner shows, that are beyond
// the newest `keep_revisions` superseded ones of their chart, and that were superseded longer than
// `keep_for` ago. Only this owner's. Leftovers of killed processes older than an hour go too.
RetentionReport retain(Publisher& publisher, const ExportSpec& spec, WallTime now);

}  // namespace ocisync
