#include "input.h"
#include "registry/repository_index.h"

namespace ocisync {
namespace {

// Whatever a repository serves, the entries that are kept can be used.
void judge(std::string_view text) {
  MemorySource source(as_bytes(text));
  const auto index = unless_refused([&] { return read_repository_index(source, {"web", "db"}); });
  if (!index)
    return;
  require(index->size() == 2);
  for (const auto& [name, versions] : *index)
    for (const IndexEntry& entry : versions.entries) {
      require(!entry.urls.empty() && entry.urls.size() <= kMaxEntryUrls);
      require(find_version(versions, entry.version) != nullptr);
    }
}

}  // namespace
}  // namespace ocisync

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  ocisync::judge(ocisync::as_input(data, size));
  return 0;
}
