#include "chart/archive_time.h"

#include <algorithm>
#include <limits>

#include "chart/gzip.h"
#include "chart/tar_reader.h"

namespace ocisync {
namespace {

constexpr std::int64_t kLatest = 253'402'300'799;  // the last second that RFC 3339 can write

}  // namespace

std::optional<WallTime> newest_entry(Source& archive, const ArchiveLimits& limits) {
  GzipReader unpacked(archive, {std::numeric_limits<std::uint64_t>::max(), limits.ratio});
  TarReader tar(unpacked);
  std::int64_t newest = 0;
  while (const auto entry = tar.next())
    newest = std::max(newest, entry->modified);
  if (newest <= 0 || newest > kLatest)
    return std::nullopt;
  return WallTime(std::chrono::seconds(newest));
}

}  // namespace ocisync
