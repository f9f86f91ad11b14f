#include "input.h"
#include "oci/digest.h"

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer's name
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace ocisync;
  const std::string_view text = as_input(data, size);
  const auto digest = unless_refused([&] { return Digest::parse(text); });
  require(digest == Digest::try_parse(text));
  require(!digest || digest->str() == text);
  require(Digest::parse(Digest::of(text).str()) == Digest::of(text));
  return 0;
}
