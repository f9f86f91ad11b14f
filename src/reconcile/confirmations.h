#pragma once

#include <map>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/files.h"
#include "reconcile/outcome.h"

namespace ocisync {

// Chart name -> when it was last known to be current.
using Confirmations = std::map<std::string, WallTime, std::less<>>;

// Kept on the export volume across restarts, as status/<owner>.json below the control directory; it
// is what acceptStale is measured from. A file that cannot be read counts as never written.
Confirmations read_confirmations(const Directory& control, std::string_view owner);

// Writes what `result` says of each chart, replacing the file in one step. Charts that were
// confirmed by this pass get `now`, the others keep the time of `before`.
void write_status(const Directory& control, std::string_view owner, const PassResult& result,
                  const Confirmations& before, WallTime now);

}  // namespace ocisync
