#pragma once

#include <string_view>

#include "base/text.h"

namespace ocisync {

inline bool valid_utf8(std::string_view text) {
  while (!text.empty()) {
    const std::size_t length = utf8_length(text);
    if (length == 0)
      return false;
    text.remove_prefix(length);
  }
  return true;
}

}  // namespace ocisync
