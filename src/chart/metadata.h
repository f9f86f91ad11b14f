#pragma once

#include <string>
#include <string_view>

#include "base/json.h"

namespace ocisync {

// Chart.yaml as Helm reads it: keys ignoring case, unknown keys ignored, the last of duplicates,
// the first document, scalars turned to strings the way Go's YAML does, text fields sanitised.
struct ChartMetadata {
  std::string name;     // [A-Za-z0-9._-]+, not "." or "..", at most 250 bytes: safe as a file name
  std::string version;  // a version as Helm accepts it, safe as a file name
  Json document;        // the object Helm stores as config: fixed key order, empty values left out
};

// Throws Error(chart_invalid) that says which field is wrong and why.
ChartMetadata read_chart_yaml(std::string_view text);
// From a config or meta blob. Name and version may be absent there (alpha formats keep them apart);
// they are given then.
ChartMetadata read_chart_json(std::string_view text, std::string_view name,
                              std::string_view version);

// Helm's JSON of it, byte for byte: compact, < > & escaped, no newline (the config blob).
std::string chart_json(const ChartMetadata& metadata);
// Without name and version (the alpha meta blob).
std::string chart_meta_json(const ChartMetadata& metadata);
// Chart.yaml text with sorted keys, as Helm writes one.
std::string chart_yaml(const ChartMetadata& metadata);

}  // namespace ocisync
