#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/json.h"
#include "export/tree_name.h"
#include "oci/digest.h"
#include "spec/spec.h"

namespace ocisync {

// What stands at one export path, and whose it is.
struct Publication {
  std::string path;   // relative to the export directory
  std::string owner;  // metadata.name
  std::string chart;  // the spec's name for it
  Layout layout;
  ExportFormat format;
  Digest manifest;                // of the chart's own manifest; names the tree
  std::optional<Digest> index{};  // that led to the manifest, when the reference stands for one
  std::string chart_name;
  std::string chart_version;
  std::string reference;  // canonical, with tag
  WallTime published;

  TreeName tree() const { return {format, manifest}; }

  // What the registry calls the reference.
  const Digest& resolved() const { return index ? *index : manifest; }
};

// A revision that a path showed before.
struct Superseded {
  TreeName tree;
  WallTime at;  // when the next one replaced it
};

// As they are written down on the volume. Parsing throws Error(protocol_violation) when a member is
// missing or wrong: that damages the whole.
Json to_json(const Publication& publication);
Json to_json(const Superseded& superseded);
Publication parse_publication(const Json& json);
Superseded parse_superseded(const Json& json);

}  // namespace ocisync
