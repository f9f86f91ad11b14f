#pragma once

#include <cstdint>
#include <string_view>

#include "net/http.h"

namespace ocisync {

// Turns the header lines of an exchange, in order of arrival, into the head of its final answer
// (RFC 9112 sections 4 and 5). Informational answers before it and trailers after it are read past.
// All of them together may have 64 KiB and 200 lines.
class HeadReader {
 public:
  // One line with its line end. True when it completed the head. Throws Error(limit_exceeded) or
  // (protocol_violation).
  bool add(std::string_view line);

  bool complete() const noexcept { return complete_; }

  ResponseHead& head() noexcept { return head_; }

 private:
  void count(std::string_view line);
  void begin(std::string_view status_line);
  void add_field(std::string_view line);
  bool end();

  ResponseHead head_;
  bool inside_ = false;  // after a status line, before the empty line
  bool complete_ = false;
  std::uint32_t bytes_ = 0;
  std::uint32_t lines_ = 0;
};

}  // namespace ocisync
