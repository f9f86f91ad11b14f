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

}  // namespace ocisync
