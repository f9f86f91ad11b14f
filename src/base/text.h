#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace ocisync {

std::string lower(std::string_view text);  // ASCII only
std::string_view trim(std::string_view text);
bool equal_ignoring_case(std::string_view a, std::string_view b);  // ASCII only
std::vector<std::string_view> split(std::string_view text, char separator);

// Text fit for one log line: control bytes, DEL, invalid UTF-8 and what breaks or reorders a line
// as \xNN. At most `limit` bytes, then an ellipsis.
std::string printable(std::string_view text, std::size_t limit = 512);

// The length of the valid UTF-8 sequence at the front of `text`, which is not empty; 0 if there is
// none (RFC 3629).
std::size_t utf8_length(std::string_view text);

std::string to_hex(std::span<const std::uint8_t> bytes);

// Standard alphabet. Decoding accepts missing padding; anything else that is not base64 is absent.
std::string base64_encode(std::string_view bytes);
std::optional<std::string> base64_decode(std::string_view text);

// The candidate that `word` most likely meant, if one is close enough to be worth asking about.
std::optional<std::string_view> nearest(std::string_view word,
                                        std::span<const std::string_view> candidates);

// 454 B, 4.3 KiB, 1.0 GiB: one decimal above 1023 bytes, binary units.
std::string human_size(std::uint64_t bytes);

}  // namespace ocisync
