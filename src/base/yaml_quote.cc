#include <algorithm>
#include <array>
#include <iterator>

#include <fmt/format.h>

#include "base/text.h"
#include "base/yaml.h"

namespace ocisync {
namespace {

// Words that some YAML reader takes for null, a boolean or a number.
constexpr std::array<std::string_view, 9> kReserved = {"null", "true", "false", "yes", "no",
                                                       "on",   "off",  "y",     "n"};

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }

bool plain_is_safe(std::string_view text) {
  if (text.empty() || !(is_letter(text[0]) || text[0] == '/'))
    return false;
  const bool calm = std::all_of(text.begin(), text.end(), [](char c) {
    return is_letter(c) || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '/';
  });
  return calm && std::none_of(kReserved.begin(), kReserved.end(), [&](std::string_view word) {
           return equal_ignoring_case(word, text);
         });
}

// The code point of a valid UTF-8 sequence.
char32_t code_point(std::string_view sequence) {
  const auto first = static_cast<unsigned char>(sequence[0]);
  if (sequence.size() == 1)
    return first;
  char32_t code = first & (0xFFU >> (sequence.size() + 1));
  for (const char c : sequence.substr(1))
    code = code << 6U | (static_cast<unsigned char>(c) & 0x3FU);
  return code;
}

bool printable_in_yaml(char32_t code) {
  const bool control = code < 0x20 || (code >= 0x7F && code < 0xA0);
  const bool line_break = code == 0x2028 || code == 0x2029;
  const bool mark = code == 0xFEFF || code == 0xFFFE || code == 0xFFFF;
  return !control && !line_break && !mark;
}

void append_quoted(std::string& out, std::string_view character) {
  const char32_t code = code_point(character);
  if (code == '"' || code == '\\')
    (out += '\\') += character;
  else if (code == '\n')
    out += "\\n";
  else if (code == '\t')
    out += "\\t";
  else if (printable_in_yaml(code))
    out += character;
  else if (code < 0x100)
    fmt::format_to(std::back_inserter(out), "\\x{:02x}", static_cast<unsigned>(code));
  else
    fmt::format_to(std::back_inserter(out), "\\u{:04x}", static_cast<unsigned>(code));
}

}  // namespace

std::string yaml_quote(std::string_view text) {
  if (plain_is_safe(text))
    return std::string(text);
  std::string out = "\"";
  while (!text.empty()) {
    const std::size_t length = utf8_length(text);
    append_quoted(out, length == 0 ? "\uFFFD" : text.substr(0, length));
    text.remove_prefix(std::max<std::size_t>(length, 1));
  }
  return out + '"';
}

}  // namespace ocisync
