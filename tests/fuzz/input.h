#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <string_view>

#include "base/error.h"

// What fuzz programs share: an input as text, and the two ways of judging what became of it.

namespace ocisync {

inline std::string_view as_input(const std::uint8_t* data, std::size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

// What `parse` makes of hostile bytes; absent when it refuses them. It may refuse with Error only:
// anything else ends the program, and so is found.
template <typename Parse>
auto unless_refused(Parse&& parse) -> std::optional<decltype(parse())> {
  try {
    return parse();
  } catch (const Error&) {
    return std::nullopt;
  }
}

// A property that holds for every input.
inline void require(bool holds) {
  if (!holds)
    std::abort();
}

}  // namespace ocisync
