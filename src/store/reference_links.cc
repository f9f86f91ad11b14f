#include "store/reference_links.h"

#include <cerrno>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/text.h"
#include "store/blob_path.h"

namespace ocisync {
namespace {

// Whoever replaces a set all the time has to let a reader in between at some point.
constexpr int kReadings = 16;

void write_link(const Directory& place, const char* name, const std::optional<std::string>& to) {
  if (to && ::symlinkat(to->c_str(), place.fd(), name) != 0)
    throw system_error(errno, "linking " + place.path_of(name));
}

// `place` is held open, so no other directory can have its number.
bool stands_at(const Directory& place, const Directory& folder, const std::string& path) {
  struct stat held = {}, found = {};
  return ::fstat(place.fd(), &held) == 0 &&
         ::fstatat(folder.fd(), path.c_str(), &found, AT_SYMLINK_NOFOLLOW) == 0 &&
         held.st_ino == found.st_ino && held.st_dev == found.st_dev;
}

}  // namespace

std::vector<Digest> ReferenceLinks::blobs() const {
  std::vector<Digest> result;
  for (const auto* target : {&content, &meta, &manifest})
    if (*target)
      if (const auto digest = blob_of_target(**target))
        result.push_back(*digest);
  return result;
}

bool is_file_name(std::string_view text) {
  return !text.empty() && text.size() <= 255 && text != "." && text != ".." &&
         text.find('/') == std::string_view::npos && text.find('\0') == std::string_view::npos;
}

std::optional<ChartLink> chart_of_target(std::string_view target) {
  const auto tail = path_tail(target, 4);
  if (!tail)
    return std::nullopt;
  const auto parts = split(*tail, '/');
  if (parts[0] != "charts" || parts[2] != "versions" || !is_file_name(parts[1]) ||
      !is_file_name(parts[3]))
    return std::nullopt;
  return ChartLink{std::string(parts[1]), std::string(parts[3])};
}

void write_links(const Directory& place, const ReferenceLinks& links) {
  write_link(place, "chart", links.chart);
  write_link(place, "content", links.content);
  write_link(place, "meta", links.meta);
  write_link(place, "manifest", links.manifest);
}

std::optional<ReferenceLinks> read_links(const Directory& folder, const std::string& path) {
  for (int attempt = 0; attempt < kReadings; ++attempt) {
    const auto place = folder.find(path);
    if (!place)
      return std::nullopt;
    ReferenceLinks links;
    links.content = place->read_link("content");
    links.meta = place->read_link("meta");
    links.manifest = place->read_link("manifest");
    links.chart = place->read_link("chart");  // last, for it is the first that is taken away
    if (stands_at(*place, folder, path))
      return links;
  }
  return std::nullopt;
}

void remove_links(const Directory& place) {
  // The chart link first: without it the rest means nothing to a reader.
  for (const std::string_view name : {"chart", "manifest", "content", "meta"})
    place.remove_tree(name);
  for (const std::string& name : place.names())
    if (is_leftover(name))
      place.remove_tree(name);
}

}  // namespace ocisync
