#include "base/display.h"

#include <algorithm>
#include <array>

#include "base/text.h"

namespace ocisync {
namespace {

struct Span {
  char32_t first, last;
};

// Sorted. The blocks of Unicode 15 whose characters are combining marks or join their neighbours.
constexpr auto kNoColumn = std::to_array<Span>({
    {0x0300, 0x036F},
    {0x0483, 0x0489},
    {0x0591, 0x05BD},
    {0x0610, 0x061A},
    {0x064B, 0x065F},
    {0x0900, 0x0902},
    {0x0E34, 0x0E3A},
    {0x0E47, 0x0E4E},
    {0x1AB0, 0x1AFF},
    {0x1DC0, 0x1DFF},
    {0x200B, 0x200F},
    {0x20D0, 0x20FF},
    {0xFE00, 0xFE0F},
    {0xFE20, 0xFE2F},
    {0xFEFF, 0xFEFF},
    {0x1F3FB, 0x1F3FF},
    {0xE0100, 0xE01EF},
});

// Sorted. The blocks whose East Asian Width is W or F, and emoji.
constexpr auto kTwoColumns = std::to_array<Span>({
    {0x1100, 0x115F},   {0x231A, 0x231B},   {0x2329, 0x232A},   {0x23E9, 0x23EC},
    {0x2614, 0x2615},   {0x26A1, 0x26A1},   {0x2705, 0x2705},   {0x274C, 0x274C},
    {0x2E80, 0x303E},   {0x3041, 0x4DBF},   {0x4E00, 0xA4CF},   {0xA960, 0xA97F},
    {0xAC00, 0xD7A3},   {0xF900, 0xFAFF},   {0xFE10, 0xFE19},   {0xFE30, 0xFE6F},
    {0xFF00, 0xFF60},   {0xFFE0, 0xFFE6},   {0x1F300, 0x1F64F}, {0x1F680, 0x1F6FF},
    {0x1F900, 0x1FAFF}, {0x20000, 0x3FFFD},
});

template <std::size_t Count>
bool within(const std::array<Span, Count>& spans, char32_t c) {
  const auto above =
      std::upper_bound(spans.begin(), spans.end(), c,
                       [](char32_t one, const Span& span) { return one < span.first; });
  return above != spans.begin() && c <= std::prev(above)->last;
}

// Of a valid sequence of `length` bytes.
char32_t decode(std::string_view sequence) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(sequence[i]); };
  if (sequence.size() == 1)
    return byte(0);
  char32_t c = byte(0) & (0x7FU >> sequence.size());
  for (std::size_t i = 1; i < sequence.size(); ++i)
    c = c << 6U | (byte(i) & 0x3FU);
  return c;
}

struct Character {
  std::size_t bytes, columns;
};

Character first_character(std::string_view text) {
  const std::size_t length = utf8_length(text);
  if (length == 0)
    return {1, 1};
  const char32_t c = decode(text.substr(0, length));
  return {length, within(kNoColumn, c) ? 0U : within(kTwoColumns, c) ? 2U : 1U};
}

}  // namespace

std::size_t display_width(std::string_view text) {
  std::size_t width = 0;
  while (!text.empty()) {
    const Character character = first_character(text);
    width += character.columns;
    text.remove_prefix(character.bytes);
  }
  return width;
}

std::string fit_columns(std::string_view text, std::size_t columns) {
  const std::size_t width = display_width(text);
  if (width <= columns)
    return std::string(text) + std::string(columns - width, ' ');
  std::string kept;
  std::size_t used = 0;
  while (columns > 0) {
    const Character character = first_character(text);
    if (used + character.columns > columns - 1)
      break;
    kept += text.substr(0, character.bytes);
    used += character.columns;
    text.remove_prefix(character.bytes);
  }
  return columns == 0 ? "" : kept + "…" + std::string(columns - 1 - used, ' ');
}

}  // namespace ocisync
