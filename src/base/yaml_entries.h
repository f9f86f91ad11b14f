#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/yaml.h"

namespace ocisync {

// The key of an unquoted "<<" while a document is being built. No text from outside holds a NUL.
inline constexpr std::string_view kMergeEntry("\0<<", 3);

// One problem for each entry of `map` whose key stood there before. `path` is asked then: that of
// the map, empty for the document.
void report_duplicates(const YamlValue& map, const std::function<std::string()>& path,
                       std::vector<YamlProblem>& problems);

// Drops overridden duplicates and merges "<<" entries, throughout `value`. Done when the document
// is complete, because until then aliases find what they name by its place among its neighbours.
void settle_entries(YamlValue& value, const YamlOptions& options,
                    std::vector<YamlProblem>& problems);

}  // namespace ocisync
