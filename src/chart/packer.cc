#include "chart/packer.h"

#include <algorithm>
#include <array>
#include <tuple>

#include <fmt/format.h>

#include "base/error.h"
#include "base/text.h"
#include "chart/branch.h"
#include "chart/gzip.h"
#include "chart/tar_header.h"

namespace ocisync {
namespace {

// Helm's own files come first, so that a reader who wants only them can stop early.
constexpr auto kFirst = std::to_array<std::string_view>(
    {"Chart.yaml", "values.yaml", "values.schema.json", "Chart.lock"});

bool goes_before(const std::string& a, const std::string& b) {
  const auto rank = [](const std::string& path) {
    return std::find(kFirst.begin(), kFirst.end(), path) - kFirst.begin();
  };
  return std::tuple(rank(a), std::string_view(a)) < std::tuple(rank(b), std::string_view(b));
}

[[noreturn]] void refuse(const Directory& parent, std::string_view name, std::string_view why) {
  throw Error(Reason::storage_failed,
              fmt::format("{} {}", printable((parent.path() / name).string(), 4096), why));
}

void pack_file(const Directory& parent, std::string_view name, std::string_view name_inside,
               Sink& tar) {
  const auto file = parent.open_file(name);
  if (!file)
    refuse(parent, name, "is gone");

  struct stat status {};

  if (::fstat(file->get(), &status) != 0 || !S_ISREG(status.st_mode))
    refuse(parent, name, "is not a regular file");
  const auto size = static_cast<std::uint64_t>(status.st_size);
  tar.write(as_bytes(tar_header(name_inside, size)));
  FileSource source(file->get(), parent.path() / name);
  std::vector<std::byte> chunk(64 * 1024);
  std::uint64_t read = 0;
  while (const std::size_t count = source.read(chunk)) {
    read += count;
    if (read > size)
      break;
    tar.write(Bytes(chunk).first(count));
  }
  if (read != size)
    refuse(parent, name, "changed while it was read");
  tar.write(as_bytes(tar_padding(size)));
}

}  // namespace

void pack_chart(const Directory& from, const std::vector<std::string>& files, std::string_view name,
                Sink& out) {
  std::vector<std::string> sorted = files;
  std::sort(sorted.begin(), sorted.end(), goes_before);
  GzipWriter tar(out);
  for (const std::string& path : sorted) {
    const auto parent = parent_of(path).empty() ? from.duplicate() : from.find(parent_of(path));
    if (!parent)
      refuse(from, path, "is gone");
    pack_file(*parent, last_of(path), fmt::format("{}/{}", name, path), tar);
  }
  tar.write(as_bytes(tar_end()));
  tar.finish();
}

}  // namespace ocisync
