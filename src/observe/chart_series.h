#pragma once

#include <string>

#include "observe/pieces.h"
#include "observe/status_board.h"

namespace ocisync {

// The metrics of single charts, as the board shows them, a family after the other, some hundred
// charts a piece.
Pieces chart_series(BoardSnapshot board);

// The same without a series a chart: sums over all of them, where a sum says something.
std::string chart_sums(const BoardSnapshot& board);

}  // namespace ocisync
