#pragma once

#include <string>
#include <vector>

#include "base/yaml.h"
#include "spec/source.h"

namespace ocisync {

// A complaint about the spec, positioned. Printed as
//   charts.yaml:14:11: spec.charts[2].ref: what is wrong (what is allowed)
//     14 |     ref: oci://...
//        |          ^
struct SpecProblem {
  Position at;
  std::string path;
  std::string message;
};

// "charts.yaml:14:11"
std::string describe_position(const std::vector<SpecSource>& sources, const Position& at);

// The lines for people, caret included, and a closing count. At most 100 problems are shown. What
// could be a secret is masked in the lines quoted: all that stands before an "@" (a user and a
// password, perhaps), and what follows "password:" and its like.
std::string describe_problems(const std::vector<SpecProblem>& problems,
                              const std::vector<SpecSource>& sources);

}  // namespace ocisync
