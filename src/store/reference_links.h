#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/files.h"
#include "oci/digest.h"
#include "store/volume.h"

namespace ocisync {

// The four links of one reference as they stand on disk: their targets, unread.
struct ReferenceLinks {
  std::optional<std::string> chart, content, meta, manifest;

  friend bool operator==(const ReferenceLinks&, const ReferenceLinks&) = default;

  bool empty() const { return !chart && !content && !meta && !manifest; }

  // The blobs they name, cached or not.
  std::vector<Digest> blobs() const;
};

struct ChartLink {
  std::string name;
  std::string version;
};

// What a chart link says by the tail of its target, …/charts/<name>/versions/<version>.
std::optional<ChartLink> chart_of_target(std::string_view target);
// Whether a text may be such a component: one file name.
bool is_file_name(std::string_view text);

// As they are right now. While another process replaces them this may be a mixture.
ReferenceLinks read_links(const Directory& place);
// A set that stood still while it was read. Absent: it never did.
std::optional<ReferenceLinks> read_settled_links(const Directory& place);

// Goes from one set to another so that a reader, and whoever finds what a killed writer left, sees
// the old set, the new one or none: where more than one of chart, content and meta change, chart
// goes first and comes back after them; manifest goes before all and comes back last.
void replace_links(const Directory& place, const ReferenceLinks& from, const ReferenceLinks& to);

void remove_links(const Directory& place);  // and what killed writers left beside them

}  // namespace ocisync
