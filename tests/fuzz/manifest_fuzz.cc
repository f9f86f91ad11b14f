#include "input.h"
#include "oci/manifest.h"

namespace ocisync {
namespace {

// The first line is the content type, the rest the body.
void judge(std::string_view text) {
  const std::size_t end = text.find('\n');
  if (end == std::string_view::npos)
    return;
  const auto document =
      unless_refused([&] { return parse_document(text.substr(end + 1), text.substr(0, end)); });
  if (!document || !std::holds_alternative<Manifest>(*document))
    return;
  const auto& manifest = std::get<Manifest>(*document);
  require(manifest.layers.size() <= kMaxLayers);
  const auto chart = unless_refused([&] { return recognise_chart(manifest); });
  require(!chart || chart->split() == !chart->name.empty());
}

}  // namespace
}  // namespace ocisync

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer's name
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  ocisync::judge(ocisync::as_input(data, size));
  return 0;
}
