#include "net/head_reader.h"

#include <algorithm>
#include <charconv>
#include <functional>

#include <fmt/format.h>

#include "base/error.h"
#include "base/text.h"

namespace ocisync {
namespace {

constexpr std::uint32_t kMostBytes = 64 * 1024;
constexpr std::uint32_t kMostLines = 200;

int status_of(std::string_view status_line) {
  const std::size_t space = status_line.find(' ');
  int status = 0;
  if (space != std::string_view::npos) {
    const char* const first = status_line.data() + space + 1;
    std::from_chars(first, status_line.data() + status_line.size(), status);
  }
  if (status < 100 || status > 999)
    throw Error(Reason::protocol_violation,
                fmt::format("the answer begins with \"{}\"", printable(trim(status_line), 80)));
  return status;
}

// RFC 9110 section 5.6.2.
bool is_token(std::string_view name) {
  return !name.empty() && std::all_of(name.begin(), name.end(), [](char c) {
    return c > ' ' && c < '\x7f' &&
           std::string_view("\"(),/:;<=>?@[\\]{}").find(c) == std::string_view::npos;
  });
}

bool is_length(std::string_view value) {
  std::int64_t length = 0;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), length);
  return error == std::errc{} && end == value.data() + value.size() && length >= 0;
}

}  // namespace

bool HeadReader::add(std::string_view line) {
  count(line);
  if (complete_)
    return false;  // a trailer
  const std::string_view text = trim(line);
  if (!inside_)
    begin(text);
  else if (text.empty())
    return end();
  else
    add_field(line);
  return false;
}

void HeadReader::count(std::string_view line) {
  bytes_ += static_cast<std::uint32_t>(std::min<std::size_t>(line.size(), kMostBytes));
  lines_ += 1;
  if (bytes_ > kMostBytes || lines_ > kMostLines)
    throw Error(Reason::limit_exceeded,
                fmt::format("the answer's head has more than {} bytes or {} lines", kMostBytes,
                            kMostLines));
}

void HeadReader::begin(std::string_view status_line) {
  head_ = ResponseHead{status_of(status_line), {}};
  inside_ = true;
}

void HeadReader::add_field(std::string_view line) {
  const std::size_t colon = line.find(':');
  const std::string_view name = line.substr(0, colon);
  if (colon == std::string_view::npos || !is_token(name))
    throw Error(
        Reason::protocol_violation,
        fmt::format("the answer has a malformed header line \"{}\"", printable(trim(name), 80)));
  head_.headers.add(std::string(name), std::string(trim(line.substr(colon + 1))));
}

bool HeadReader::end() {
  inside_ = false;
  if (head_.status < 200)
    return false;
  const auto lengths = head_.headers.all("Content-Length");
  if (!std::all_of(lengths.begin(), lengths.end(), is_length))
    throw Error(Reason::protocol_violation, "the answer has a Content-Length that is no length");
  // Whoever stands between us and the server may have believed the other one.
  if (std::adjacent_find(lengths.begin(), lengths.end(), std::not_equal_to<>()) != lengths.end())
    throw Error(Reason::protocol_violation, "the answer has two different Content-Length headers");
  complete_ = true;
  return true;
}

}  // namespace ocisync
