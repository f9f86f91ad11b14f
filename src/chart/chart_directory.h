#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include <sys/stat.h>

#include "base/files.h"
#include "base/sink.h"
#include "chart/archive.h"
#include "chart/metadata.h"
#include "chart/packer.h"

namespace ocisync {

// A chart's directory as its author keeps it, read once and judged: what its .helmignore leaves,
// within the limits of an archive and by the names that one may hold. Symbolic links are followed
// where they lead to something inside the directory, anything but files and directories is refused.
// One thread at a time.
class ChartDirectory {
 public:
  // Throws Error(chart_invalid) or (limit_exceeded) that says which file is wrong and why,
  // (usage_invalid) when there is no such directory.
  static ChartDirectory open(const std::filesystem::path& path, const ArchiveLimits& limits);

  const ChartMetadata& metadata() const noexcept { return metadata_; }

  std::uint64_t size() const noexcept { return listing_.bytes; }  // of all files

  // The content blob of the chart when it is split (packer.h). The same bytes each time, as long
  // as the files are the same.
  void pack_content(Sink& out) const;

  // Throws Error(chart_invalid) if a file was written, added or removed since it was opened.
  void require_unchanged() const;

 private:
  // What lstat says of a file, as far as it changes when somebody writes to it.
  struct Stamp {
    explicit Stamp(const struct stat& status);
    friend bool operator==(const Stamp&, const Stamp&) = default;

    std::uint64_t device, inode, size;
    std::int64_t mtime_ns, ctime_ns;
  };

  struct Listing {
    std::vector<PackedFile> files;  // and empty directories
    std::vector<Stamp> stamps;      // one a file
    std::uint64_t bytes = 0;
    friend bool operator==(const Listing&, const Listing&) = default;
  };

  class Walk;

  ChartDirectory(Directory root, const ArchiveLimits& limits);

  Directory root_;
  ArchiveLimits limits_;
  Listing listing_;
  ChartMetadata metadata_;
};

}  // namespace ocisync
