#pragma once

#include <string_view>

#include "base/files.h"
#include "observe/status_board.h"

namespace ocisync {

// The status document on the export volume, status/<owner>.json below the control directory: for
// who asks without a network, and as memory for the next process (acceptStale is measured by it).

// A file that is missing or cannot be read counts as never written.
StatusMemory read_status_file(const Directory& control, std::string_view owner);

// Replaces the file in one step. Throws what writing throws.
void write_status_file(const Directory& control, BoardSnapshot board);

}  // namespace ocisync
