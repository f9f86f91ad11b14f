#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <regex>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/sink.h"
#include "net/url.h"
#include "oci/digest.h"
#include "oci/version.h"

namespace ocisync {

// One version of a chart, as an index.yaml lists it. Values, already judged.
struct IndexEntry {
  std::string version;            // as written: what Helm reads as a version, fit for a tag
  std::vector<std::string> urls;  // as written, at least one; relative to the repository
  std::optional<Digest> digest;   // of the archive, sha256
  std::string created;            // as written; may be empty
  bool deprecated = false;

  friend bool operator==(const IndexEntry&, const IndexEntry&) = default;
};

// Whether Helm reads it as a version, and a tag can spell it.
bool usable_version(std::string_view text);

// Every usable version of one chart, in the index's order; of equal versions the first.
struct ChartVersions {
  std::vector<IndexEntry> entries;
  std::uint64_t skipped = 0;  // entries that cannot be used, those marked as removed among them
  std::string first_fault;    // of them; one line

  friend bool operator==(const ChartVersions&, const ChartVersions&) = default;
};

using RepositoryIndex = std::map<std::string, ChartVersions, std::less<>>;

inline constexpr std::uint64_t kMaxIndexBytes = 50ULL << 20;
inline constexpr std::size_t kMaxKeptIndexBytes = 16U << 20;  // of the entries that are wanted
inline constexpr std::size_t kMaxEntryUrls = 8;               // of one entry; more are ignored

// Reads an index.yaml, JSON or YAML, in one go and keeps the charts in `names`: each has its place
// in the result, if an empty one. Memory is bounded by what is kept, whatever the size. An entry
// that is malformed is skipped and counted; entries of other charts are not looked at. Throws
// Error(protocol_violation) for what is no index, (limit_exceeded) when the wanted charts alone are
// too much.
RepositoryIndex read_repository_index(Source& source, const std::set<std::string>& names);

// The version as written, else one that means the same ("v1.2.3" for 1.2.3). Null: not listed.
const IndexEntry* find_version(const ChartVersions& versions, std::string_view version);

// The highest version in the range whose tag the filter matches; of equal ones the first. Versions
// are read as Helm reads those of an index, with or without a "v". Null: none.
const IndexEntry* highest_version(const ChartVersions& versions, const VersionRange& range,
                                  const std::optional<std::regex>& tag_filter);

// The place of `file` in a repository: absolute, or below the repository's URL, with the query of
// that if it is the same server's. Absent, with the reason in `why`, for what is no http URL.
std::optional<Url> repository_file(const Url& repository, std::string_view file, std::string& why);

}  // namespace ocisync
