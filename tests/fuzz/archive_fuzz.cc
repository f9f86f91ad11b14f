#include <filesystem>

#include "base/files.h"
#include "chart/archive.h"
#include "chart/gzip.h"
#include "chart/metadata.h"
#include "input.h"

namespace ocisync {
namespace {

const Directory& scratch() {
  static const Directory directory = Directory::create(
      std::filesystem::temp_directory_path() / private_name("ocisync-fuzz-"), 0700);
  return directory;
}

void unpack(Bytes packed) {
  ArchiveLimits limits;
  limits.unpacked_size = 1 << 20;
  limits.file_size = 1 << 19;
  limits.entries = 50;
  scratch().remove_tree("into");
  scratch().make_directory("into", 0700);
  const auto into = scratch().find("into");
  MemorySource source(packed);
  const auto chart =
      unless_refused([&] { return unpack_chart(source, *into, limits, kDefaultModes); });
  require(scratch().names().size() == 1);
  if (!chart)
    return;
  require(into->read("Chart.yaml", limits.file_size) == chart->chart_yaml);
  unless_refused([&] { return read_chart_yaml(chart->chart_yaml); });
}

std::string gzipped(Bytes tar) {
  CappedBuffer packed(1 << 26, "the input");
  GzipWriter gzip(packed);
  gzip.write(tar);
  gzip.finish();
  return packed.take();
}

}  // namespace
}  // namespace ocisync

// An even first byte: the rest is an archive. An odd one: the rest is a tar, packed here, so that
// the fuzzer need not learn gzip's checksums. NOLINTNEXTLINE(readability-identifier-naming):
// libFuzzer's name
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace ocisync;
  if (size == 0)
    return 0;
  const Bytes rest = as_bytes(as_input(data, size).substr(1));
  if (data[0] % 2 == 0)
    unpack(rest);
  else
    unpack(as_bytes(gzipped(rest)));
  return 0;
}
