#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "spec/spec.h"

namespace ocisync {

// One spec file's bytes, with the name used in messages and the folder its relative paths start from.
struct SpecSource {
  std::string name;
  std::string text;
  std::filesystem::path base;
};

// A complaint about the spec, positioned. Printed as
//   charts.yaml:14:11: spec.charts[2].ref: what is wrong (what is allowed)
//     14 |     ref: oci://...
//        |          ^
struct SpecProblem {
  Position at;
  std::string path;
  std::string message;
};

using Environment = std::function<std::optional<std::string>(std::string_view name)>;

// Finds the files behind --config arguments: a file, "-" (standard input), or a directory (its
// *.yaml and *.yml in name order, names beginning with ".." and documents of kind ChartLock
// skipped). Throws Error(spec_invalid) when one cannot be read.
std::vector<SpecSource> read_spec_sources(const std::vector<std::string>& arguments);

struct LoadedSpec {
  std::optional<Spec> spec;           // present exactly when there are no problems
  std::vector<SpecProblem> problems;  // in file order
};

// Parses, joins, expands ${VAR}, validates: everything that is wrong, in one go, without touching
// network or volume.
LoadedSpec load_spec(const std::vector<SpecSource>& sources, const Environment& environment);

// The lines for people, caret included, and a closing count.
std::string describe_problems(const std::vector<SpecProblem>& problems,
                              const std::vector<SpecSource>& sources);

// The JSON Schema (draft 2020-12) of the spec file, from the same table that parses it.
std::string spec_json_schema();

// The reference page, from the same table: every field with type, default and meaning, as YAML
// comments over a complete example.
std::string spec_reference_page();

}  // namespace ocisync
