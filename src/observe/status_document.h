#pragma once

#include <string>
#include <string_view>

#include "observe/pieces.h"
#include "observe/status_board.h"

namespace ocisync {

// The document that /status answers and the status file holds: kind SyncStatus, one chart a line.
// Without detail the charts are left out.
Pieces status_document(BoardSnapshot snapshot, bool detail = true);

// What a status file says, as memory for the board of the next process. Damage costs what is
// damaged: a file that is no such document counts as never written, a chart that cannot be read as
// unknown.
StatusMemory read_status_document(std::string_view text);

}  // namespace ocisync
