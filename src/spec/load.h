#pragma once

#include <optional>
#include <string>
#include <vector>

#include "spec/expansion.h"
#include "spec/problem.h"
#include "spec/source.h"
#include "spec/spec.h"

namespace ocisync {

struct LoadedSpec {
  std::optional<Spec> spec;           // present exactly when there are no problems
  std::vector<SpecProblem> problems;  // in file order
  std::string listen;                 // spec.http.listen, as far as it can be told, problems or not
};

// Parses, joins, expands ${VAR}, validates: everything that is wrong, in one go, without touching
// network or volume.
LoadedSpec load_spec(const std::vector<SpecSource>& sources, const Environment& environment);

// The JSON Schema (draft 2020-12) of the spec file, from the same table that parses it.
std::string spec_json_schema();

// The reference page, from the same table: every field with type, default and meaning, as YAML
// comments over a complete example.
std::string spec_reference_page();

}  // namespace ocisync
