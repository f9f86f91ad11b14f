#pragma once

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "base/error.h"
#include "base/text.h"

// The characters our grammars are made of, and how a text that breaks one is described. ASCII only,
// whatever the locale.

namespace ocisync {

inline bool is_digit(char c) { return c >= '0' && c <= '9'; }

inline bool is_lower(char c) { return c >= 'a' && c <= 'z'; }

inline bool is_upper(char c) { return c >= 'A' && c <= 'Z'; }

inline bool is_alnum(char c) { return is_digit(c) || is_lower(c) || is_upper(c); }

inline bool is_hex(char c) {
  return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

template <typename Test>
bool only(std::string_view text, Test test) {
  return std::all_of(text.begin(), text.end(), test);
}

inline bool one_of(char c, std::string_view set) { return set.find(c) != std::string_view::npos; }

// Outside text as it may stand in a message. Not named "quoted": given a std::string, that would
// mean std::quoted wherever it is declared.
inline std::string in_quotes(std::string_view text) {
  return fmt::format("\"{}\"", printable(text, 80));
}

// What is wrong with a part of a reference; absent when it is fine. Checks return it, so that those
// that answer yes or no and those that explain are the same.
using Complaint = std::optional<Error>;

inline Complaint complain(std::string message, std::string hint = {}) {
  return Error(Reason::reference_invalid, std::move(message)).hint(std::move(hint));
}

}  // namespace ocisync
