#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/files.h"
#include "base/sink.h"
#include "oci/digest.h"

namespace ocisync {

// What an archive may hold; bounds are inclusive. Mirrors limits of the spec file.
struct ArchiveLimits {
  std::uint64_t unpacked_size = 256ULL << 20;
  std::uint64_t file_size = 64ULL << 20;
  std::uint64_t entries = 10'000;  // and as many directories, implied ones included
  std::uint64_t ratio = 200;       // unpacked : packed, once more than 1 MiB came out
  std::size_t path_length = 1024;
  std::size_t component_length = 255;
  std::size_t depth = 32;
};

struct ArchivedFile {
  std::string path;  // below the chart's own directory, "/"-separated, checked
  std::uint64_t size;
  Digest digest;
};

struct UnpackedChart {
  std::string top;                  // the archive's top directory name, which means nothing
  std::vector<ArchivedFile> files;  // sorted by path
  std::string chart_yaml;           // the bytes of Chart.yaml
  // Those of values.yaml, up to 1 MiB, for who inspects.
  std::optional<std::string> values_yaml;
  std::uint64_t unpacked_bytes = 0;
};

// Unpacks a chart archive (gzip'd tar) into `into`, a private directory of the caller's that is
// empty and that the caller drops if this throws. One pass: zlib inflates (every member, CRC
// checked, output and ratio capped), libarchive parses tar and nothing else, files are created
// O_EXCL with the modes given; nothing but regular files and directories is ever made. Refused with
// Error(chart_invalid) that names the entry: links, devices, absolute names, "..", backslashes,
// control bytes, invalid UTF-8, our own control names, duplicates, file/directory conflicts, more
// than one top directory, sparse files, trailing data, damage of any kind, no or two Chart.yaml.
// (limit_exceeded) for the limits. Directory entries are accepted and empty directories dropped, as
// Helm does; a UTF-8 BOM at the start of a file goes.
UnpackedChart unpack_chart(Source& archive, const Directory& into, const ArchiveLimits& limits,
                           Modes modes);

// Judges an archive as unpack_chart does and tells the same of it, but writes nothing anywhere.
UnpackedChart inspect_chart(Source& archive, const ArchiveLimits& limits);

}  // namespace ocisync
