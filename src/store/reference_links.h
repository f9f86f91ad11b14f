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

// A set is written once, into a directory that nobody sees yet; another one takes its place as a
// whole. What is read of a directory that still stands where it was found is therefore one set.
void write_links(const Directory& place, const ReferenceLinks& links);
// The set at a path. Absent: nothing is there, or never the same for as long as reading takes.
std::optional<ReferenceLinks> read_links(const Directory& folder, const std::string& path);

void remove_links(const Directory& place);  // and what killed writers left beside them

}  // namespace ocisync
