// WWW-Authenticate, Link, Content-Range and Warning: what any server may say in its headers.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "registry/blob_transfer.h"
#include "registry/challenge.h"
#include "registry/tag_list.h"
#include "registry/warnings.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto half = text.size() / 2;
  const auto challenges = ocisync::parse_challenges({text.substr(0, half), text.substr(half)});
  if (challenges.size() > 16)
    std::abort();
  for (const ocisync::Challenge& challenge : challenges)
    if (challenge.scheme.empty() || challenge.parameters.size() > 32)
      std::abort();

  ocisync::Headers headers;
  headers.add("Link", std::string(text));
  ocisync::next_link(headers);
  ocisync::parse_warning(text);
  const auto range = ocisync::parse_content_range(text);
  if (range && range->last < range->first)
    std::abort();
  return 0;
}
