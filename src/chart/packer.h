#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/files.h"
#include "base/sink.h"

namespace ocisync {

// Writes a chart archive that is the same bytes for the same files: entries <name>/<path> in the
// order Chart.yaml, values.yaml, values.schema.json, Chart.lock, then the rest sorted by bytes;
// ustar with PAX where a name needs it, mode 0644, ids 0, mtime 0, gzip level 6 with an empty
// header. `files` are paths below `from`.
void pack_chart(const Directory& from, const std::vector<std::string>& files, std::string_view name,
                Sink& out);

// A file of an archive, and where its bytes are.
struct PackedFile {
  std::string path;    // in the archive, below the top; that of an empty directory ends in "/"
  std::string origin;  // below the directory packed; another than `path` where a link led there

  friend bool operator==(const PackedFile&, const PackedFile&) = default;
};

// Writes the content blob of a chart split from its metadata, as Helm 3.0.0-alpha.1 arranged it:
// entries -/<path>, a dummy for Chart.yaml, then values.yaml, the templates, all else and the
// charts it depends on, each part in the order of a walk; mode 0755, otherwise as pack_chart.
// Empty directories have entries, which Helm passes over.
void pack_content(const Directory& from, const std::vector<PackedFile>& files, Sink& out);

}  // namespace ocisync
