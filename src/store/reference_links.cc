#include "store/reference_links.h"

#include <unistd.h>

#include "base/text.h"
#include "store/blob_path.h"

namespace ocisync {
namespace {

void set_link(const Directory& place, const std::string& name,
              const std::optional<std::string>& from, const std::optional<std::string>& to) {
  if (from == to)
    return;
  // A new link needs no rename to appear as a whole.
  if (!from && ::symlinkat(to->c_str(), place.fd(), name.c_str()) == 0)
    return;
  if (!from || !to)
    place.remove_tree(name);  // a directory in the way would refuse the rename
  if (to)
    place.link_atomic(*to, name);
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

ReferenceLinks read_links(const Directory& place) {
  ReferenceLinks links;
  links.chart = place.read_link("chart");
  links.content = place.read_link("content");
  links.meta = place.read_link("meta");
  links.manifest = place.read_link("manifest");
  return links;
}

std::optional<ReferenceLinks> read_settled_links(const Directory& place) {
  // Two equal readings: a writer in between would have taken chart or manifest away.
  ReferenceLinks last = read_links(place);
  for (int attempt = 0; attempt < 16; ++attempt) {
    ReferenceLinks next = read_links(place);
    if (next == last)
      return next;
    last = std::move(next);
  }
  return std::nullopt;
}

void replace_links(const Directory& place, const ReferenceLinks& from, const ReferenceLinks& to) {
  ReferenceLinks present = from;
  const int changes = (from.chart != to.chart ? 1 : 0) + (from.content != to.content ? 1 : 0) +
                      (from.meta != to.meta ? 1 : 0);
  if (from.manifest && (changes > 0 || from.manifest != to.manifest)) {
    place.remove_file("manifest");
    present.manifest.reset();
  }
  if (from.chart && changes > 1) {
    place.remove_file("chart");
    present.chart.reset();
  }
  set_link(place, "content", present.content, to.content);
  set_link(place, "meta", present.meta, to.meta);
  set_link(place, "chart", present.chart, to.chart);
  set_link(place, "manifest", present.manifest, to.manifest);
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
