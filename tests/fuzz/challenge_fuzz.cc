// What any server may say in its headers: WWW-Authenticate, Link, Content-Range and Warning.

#include <string>

#include "base/text.h"
#include "input.h"
#include "registry/blob_transfer.h"
#include "registry/challenge.h"
#include "registry/tag_list.h"
#include "registry/warnings.h"

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer's name
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace ocisync;
  const std::string_view text = as_input(data, size);
  const auto half = text.size() / 2;
  const auto challenges = parse_challenges({text.substr(0, half), text.substr(half)});
  require(challenges.size() <= 16);
  for (const Challenge& challenge : challenges)
    require(!challenge.scheme.empty() && challenge.parameters.size() <= 32);

  Headers headers;
  headers.add("Link", std::string(text));
  const auto next = next_link(headers);
  require(!next || (!next->empty() && text.find(*next) != std::string_view::npos));
  const auto warning = parse_warning(text);
  require(!warning || (!warning->empty() && warning->size() < text.size()));
  require(!warning || printable(*warning).find_first_of("\r\n\x1b") == std::string::npos);
  const auto range = parse_content_range(text);
  require(!range || range->first <= range->last);
  return 0;
}
