#pragma once

#include <string>
#include <vector>

namespace ocisync {

// Rows of cells for people, in aligned columns. Wide characters count as wide; what could move the
// cursor, hide or reorder text is escaped.
std::string aligned_table(const std::vector<std::vector<std::string>>& rows);

}  // namespace ocisync
