#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "spec/field.h"
#include "spec/spec.h"

namespace ocisync {

// What the files say, before it is known to make sense together.

struct ChartDraft {
  // What needs no second look is read straight into here. The reference stands in for the written
  // one until that was found to be right, which `sound` says.
  ChartSpec chart{Reference::parse("host.invalid/chart")};
  bool sound = false;
  Position at;            // of the entry
  std::size_t index = 0;  // in its file
  Written ref;
  Written repository;
  Written chart_name;  // in the repository
  Written name;
  Written version;
  Written tag_filter;
  Written path;
  std::optional<ExportFormat> format;  // absent: that of spec.export
};

struct SpecDraft {
  Spec spec;
  std::vector<ChartDraft> charts;
  Written name;
  std::optional<Position> document;  // of the first document
  Position charts_at;                // where charts are listed, or would be
  bool has_name = false;             // some file has a name, right or wrong
  bool lists_charts = false;         // some file has more than an empty list
};

}  // namespace ocisync
