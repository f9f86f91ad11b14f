#include "base/escape.h"

#include <fmt/format.h>

namespace ocisync {
namespace {

constexpr std::string_view kDigits = "0123456789ABCDEF";

}  // namespace

std::string escape(std::string_view text, std::string_view special) {
  std::string result;
  result.reserve(text.size());
  for (const char c : text) {
    if (c == '%' || special.find(c) != std::string_view::npos)
      result += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    else
      result += c;
  }
  return result;
}

std::optional<std::string> unescape(std::string_view text) {
  std::string result(text.substr(0, text.find('%')));
  result.reserve(text.size());
  for (std::size_t i = result.size(); i < text.size(); ++i) {
    if (text[i] != '%') {
      result += text[i];
      continue;
    }
    if (i + 2 >= text.size())
      return std::nullopt;
    const std::size_t high = kDigits.find(text[i + 1]), low = kDigits.find(text[i + 2]);
    if (high == std::string_view::npos || low == std::string_view::npos)
      return std::nullopt;
    result += static_cast<char>(high * 16 + low);
    i += 2;
  }
  return result;
}

}  // namespace ocisync
