#include "chart/one_line.h"

#include <algorithm>
#include <array>

#include "base/text.h"

namespace ocisync {
namespace {

// The first and last character of a range. UTF-8 sorts by bytes as its code points do, so ranges
// compare as text.
struct Range {
  std::string_view first, last;
};

constexpr auto kSpaces = std::to_array<Range>({
    {"\t", "\r"},
    {" ", " "},
    {"\u0085", "\u0085"},
    {"\u00A0", "\u00A0"},
    {"\u1680", "\u1680"},
    {"\u2000", "\u200A"},
    {"\u2028", "\u2029"},
    {"\u202F", "\u202F"},
    {"\u205F", "\u205F"},
    {"\u3000", "\u3000"},
});

// Controls, format characters, private use and planes that hold nothing. Single unassigned code
// points inside scripts are not listed: which those are changes with every version of Unicode.
constexpr auto kUnprintable = std::to_array<Range>({
    {std::string_view("\0", 1), "\x1F"},
    {"\x7F", "\u009F"},
    {"\u00AD", "\u00AD"},
    {"\u0600", "\u0605"},
    {"\u061C", "\u061C"},
    {"\u06DD", "\u06DD"},
    {"\u070F", "\u070F"},
    {"\u0890", "\u0891"},
    {"\u08E2", "\u08E2"},
    {"\u180E", "\u180E"},
    {"\u200B", "\u200F"},
    {"\u202A", "\u202E"},
    {"\u2060", "\u206F"},
    {"\uE000", "\uF8FF"},
    {"\uFDD0", "\uFDEF"},
    {"\uFEFF", "\uFEFF"},
    {"\uFFF0", "\uFFFB"},
    {"\uFFFE", "\uFFFF"},
    {"\U000110BD", "\U000110BD"},
    {"\U000110CD", "\U000110CD"},
    {"\U00013430", "\U0001343F"},
    {"\U0001BCA0", "\U0001BCA3"},
    {"\U0001D173", "\U0001D17A"},
    {"\U0001FFFE", "\U0001FFFF"},
    {"\U0002FFFE", "\U0002FFFF"},
    {"\U00040000", "\U000E00FF"},
    {"\U000E01F0", "\U0010FFFF"},
});

template <std::size_t count>
bool is_in(const std::array<Range, count>& ranges, std::string_view character) {
  return std::any_of(ranges.begin(), ranges.end(), [&](const Range& range) {
    return range.first <= character && character <= range.last;
  });
}

}  // namespace

std::string one_line(std::string_view text) {
  std::string result;
  result.reserve(text.size());
  while (!text.empty()) {
    const std::size_t length = std::max<std::size_t>(utf8_length(text), 1);
    const std::string_view character = text.substr(0, length);
    if (is_in(kSpaces, character))
      result += ' ';
    else if (!is_in(kUnprintable, character))
      result += character;
    text.remove_prefix(length);
  }
  return result;
}

}  // namespace ocisync
