#pragma once

#include <string>
#include <string_view>

namespace ocisync {

// A text field as Helm stores it: every kind of white space becomes a blank, what cannot be printed
// goes. `text` is valid UTF-8.
std::string one_line(std::string_view text);

}  // namespace ocisync
