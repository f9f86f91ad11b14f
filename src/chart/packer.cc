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

// Where alpha.1 put an entry: its parts of a chart one after the other.
int part_of(std::string_view path) {
  if (path == "Chart.yaml")
    return 0;
  if (path == "values.yaml")
    return 1;
  if (path.starts_with("templates/"))
    return 2;
  return path.starts_with("charts/") ? 4 : 3;
}

// The order of a walk that takes each directory's names sorted: "/" counts as the least character.
bool walks_before(const PackedFile& a, const PackedFile& b) {
  if (part_of(a.path) != part_of(b.path))
    return part_of(a.path) < part_of(b.path);
  return std::lexicographical_compare(
      a.path.begin(), a.path.end(), b.path.begin(), b.path.end(), [](char x, char y) {
        const auto rank = [](char c) { return c == '/' ? -1 : static_cast<unsigned char>(c); };
        return rank(x) < rank(y);
      });
}

constexpr std::string_view kDummyChartYaml = "apiVersion: v1\nname: '-'\nversion: 0.1.0\n";
constexpr mode_t kFileMode = 0644;
constexpr mode_t kAlphaFileMode = 0755;

[[noreturn]] void refuse(const Directory& from, std::string_view path, std::string_view why) {
  throw Error(Reason::storage_failed,
              fmt::format("{} {}", printable(from.path_of(path), 4096), why));
}

void pack_file(const Directory& from, const std::string& path, std::string_view name_inside,
               mode_t mode, Sink& tar) {
  const auto parent = parent_of(path).empty() ? from.duplicate() : from.find(parent_of(path));
  const auto file = parent ? parent->open_file(last_of(path)) : std::nullopt;
  if (!file)
    refuse(from, path, "is gone");

  struct stat status {};

  if (::fstat(file->get(), &status) != 0 || !S_ISREG(status.st_mode))
    refuse(from, path, "is not a regular file");
  const auto size = static_cast<std::uint64_t>(status.st_size);
  tar.write(as_bytes(tar_header(name_inside, size, mode)));
  FileSource source(file->get(), from.path_of(path));
  std::vector<std::byte> chunk(64 * 1024);
  std::uint64_t read = 0;
  while (const std::size_t count = source.read(chunk)) {
    read += count;
    if (read > size)
      break;
    tar.write(Bytes(chunk).first(count));
  }
  if (read != size)
    refuse(from, path, "changed while it was read");
  tar.write(as_bytes(tar_padding(size)));
}

}  // namespace

void pack_chart(const Directory& from, const std::vector<std::string>& files, std::string_view name,
                Sink& out) {
  std::vector<std::string> sorted = files;
  std::sort(sorted.begin(), sorted.end(), goes_before);
  GzipWriter tar(out);
  for (const std::string& path : sorted)
    pack_file(from, path, fmt::format("{}/{}", name, path), kFileMode, tar);
  tar.write(as_bytes(tar_end()));
  tar.finish();
}

void pack_content(const Directory& from, const std::vector<PackedFile>& files, Sink& out) {
  std::vector<PackedFile> sorted = files;
  std::sort(sorted.begin(), sorted.end(), walks_before);
  GzipWriter tar(out);
  for (const PackedFile& file : sorted) {
    if (file.path.ends_with('/')) {
      tar.write(as_bytes(tar_header("-/" + file.path, 0, kAlphaFileMode)));
      continue;
    }
    if (file.path != "Chart.yaml") {
      pack_file(from, file.origin, "-/" + file.path, kAlphaFileMode, tar);
      continue;
    }
    tar.write(as_bytes(tar_header("-/Chart.yaml", kDummyChartYaml.size(), kAlphaFileMode)));
    tar.write(as_bytes(kDummyChartYaml));
    tar.write(as_bytes(tar_padding(kDummyChartYaml.size())));
  }
  tar.write(as_bytes(tar_end()));
  tar.finish();
}

}  // namespace ocisync
