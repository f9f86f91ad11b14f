#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/files.h"
#include "reconcile/outcome.h"

namespace ocisync {

// Chart name -> when it was last known to be current.
using Confirmations = std::map<std::string, WallTime, std::less<>>;

// Where the status is kept across restarts: in a file of the user's choice, or as
// status/<owner>.json below the control directory of the export volume.
struct StatusPlace {
  const Directory& control;
  std::string owner;
  std::optional<std::filesystem::path> file;
};

// What acceptStale is measured from. A file that cannot be read counts as never written.
Confirmations read_confirmations(const StatusPlace& place);

// Writes what `result` says of each chart, replacing the file in one step. Charts that were
// confirmed by this pass get `now`, the others keep the time of `before`.
void write_status(const StatusPlace& place, const PassResult& result, const Confirmations& before,
                  WallTime now);

}  // namespace ocisync
