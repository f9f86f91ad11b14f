#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "oci/digest.h"

namespace ocisync {

// One entry of a tree as it was when it was made, and what lstat must still say of it.
struct TreeEntry {
  std::string path;  // relative to the tree, "/"-separated; "." is the tree itself
  bool directory = false;
  std::uint64_t size = 0;  // of files
  std::int64_t mtime_ns = 0;
  std::optional<Digest> digest;  // of files
};

// What a finished tree is: written beside it as trees/<format>/<digest>.record.
struct TreeRecord {
  std::string chart_name;
  std::string chart_version;
  bool assembled = false;  // the archive was put together here (split formats), not served as is
  std::vector<TreeEntry> entries;  // sorted by path, so that a directory precedes what it holds
};

// A record as text, one line an entry: hundreds are read in every pass, so reading is a few
// microseconds and not a document's worth of parsing.
std::string to_text(const TreeRecord& record);

// Absent when the text is cut off, damaged, or names a path that leaves the tree.
std::optional<TreeRecord> parse_tree_record(std::string_view text);

}  // namespace ocisync
