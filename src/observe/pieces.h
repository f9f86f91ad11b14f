#pragma once

#include <functional>
#include <optional>
#include <string>
#include <utility>

namespace ocisync {

// A long text, made piece by piece as its reader takes it. Absent: that was all. One reader.
using Pieces = std::function<std::optional<std::string>()>;

inline Pieces one_piece(std::string text) {
  return [text = std::optional(std::move(text))]() mutable {
    return std::exchange(text, std::nullopt);
  };
}

inline std::string joined(const Pieces& pieces) {
  std::string text;
  while (const std::optional<std::string> piece = pieces())
    text += *piece;
  return text;
}

}  // namespace ocisync
