#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace ocisync {

// Rows of cells for people, in aligned columns. Wide characters count as wide; what could move the
// cursor, hide or reorder text is escaped.
std::string aligned_table(const std::vector<std::vector<std::string>>& rows);

std::string charts_counted(std::uint64_t count);  // "1 chart", "2 charts"

}  // namespace ocisync
