#include "input.h"
#include "oci/version.h"

namespace ocisync {
namespace {

// The first line is a range, the second a version.
void judge(std::string_view text) {
  const std::size_t end = text.find('\n');
  const auto range = unless_refused([&] { return VersionRange::parse(text.substr(0, end)); });
  if (end == std::string_view::npos)
    return;
  const auto version = Version::parse_loose(text.substr(end + 1));
  if (!version)
    return;
  require(*version == *version);
  if (const auto again = Version::parse(version->str()))
    require(*again == *version && again->str() == version->str());
  if (range)
    require(range->contains(*version) == range->contains(*version));
}

}  // namespace
}  // namespace ocisync

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer's name
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  ocisync::judge(ocisync::as_input(data, size));
  return 0;
}
