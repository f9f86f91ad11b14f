#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace ocisync {

// Percent-encoding of the bytes in `special`, and of "%" itself: "team-a/web" with special "/" is
// "team-a%2Fweb". Two different texts never give the same result.
std::string escape(std::string_view text, std::string_view special);

// Absent when `text` is not what escape() writes: a "%" without two upper-case hex digits.
std::optional<std::string> unescape(std::string_view text);

}  // namespace ocisync
