#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "base/files.h"
#include "observe/status_board.h"

namespace ocisync {

// The status document: for who asks without a network, and as memory for the next process
// (acceptStale is measured by it).

// Where it is kept: in a file of the user's choice, or as status/<owner>.json below the control
// directory of the export volume.
struct StatusPlace {
  const Directory& control;
  std::string owner;
  std::optional<std::filesystem::path> file;
  Modes modes = kDefaultModes;  // to write it with
};

// A file that is missing or cannot be read counts as never written.
StatusMemory read_status_file(const StatusPlace& place);

// Replaces the file in one step. Throws what writing throws.
void write_status_file(const StatusPlace& place, BoardSnapshot board);

}  // namespace ocisync
