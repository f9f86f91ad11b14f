#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace ocisync {

// Text on a grid of characters, as terminals and aligned tables have it.

// Columns of a text that is fit for one line (see printable): East Asian wide characters and emoji
// take two, combining marks none.
std::size_t display_width(std::string_view text);

// The text in exactly `columns`: filled up with spaces, or cut at a character with an ellipsis.
std::string fit_columns(std::string_view text, std::size_t columns);

}  // namespace ocisync
