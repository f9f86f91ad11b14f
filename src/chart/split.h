#pragma once

#include <string_view>

#include "base/files.h"
#include "base/sink.h"
#include "chart/archive.h"

namespace ocisync {

// The formats before Helm 3 beta kept a chart in two blobs: content, an archive whose Chart.yaml is
// a dummy, and meta, the real one as JSON without name and version, which travel beside the blobs.
//
// Unpacks `content` into `into` as unpack_chart does and writes the real Chart.yaml in place of the
// dummy; the result tells of that one. Name and version are checked as those of any chart. Throws
// what unpack_chart and read_chart_json throw.
UnpackedChart join_split_chart(Source& content, std::string_view meta_json, std::string_view name,
                               std::string_view version, const Directory& into,
                               const ArchiveLimits& limits, Modes modes);

// Tells the same of it, as inspect_chart does, and writes nothing anywhere.
UnpackedChart inspect_split_chart(Source& content, std::string_view meta_json,
                                  std::string_view name, std::string_view version,
                                  const ArchiveLimits& limits);

}  // namespace ocisync
