#pragma once

#include <filesystem>
#include <functional>

#include "base/files.h"
#include "export/tree_record.h"

namespace ocisync {

enum class Placed { created, unchanged, replaced };

// Puts a chart's directory beside whatever else `destination` holds, for a person who asked for it
// once: no ledger, no control directory. `fill` writes the files into an empty private directory
// and returns their record, whose chart_name is what the directory will be called. It appears by
// one rename. Where something stands by that name, it stays if it is the same; if it differs it is
// exchanged for the new one in one step when `replace` is asked for, else Error(path_conflict).
// Nothing else in `destination` changes, whatever happens; what killed processes left there goes.
// `destination` is created when missing. Throws what `fill` throws; volume_unsuitable where nothing
// can be written or directories cannot be exchanged.
Placed place_directory(const std::filesystem::path& destination, bool replace, Modes modes,
                       const std::function<TreeRecord(const Directory& into)>& fill);

}  // namespace ocisync
