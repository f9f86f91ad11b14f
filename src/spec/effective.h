#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/environment.h"
#include "base/json.h"
#include "spec/source.h"

namespace ocisync {

// A value that does not come from the files.
struct Elsewhere {
  Json value;
  std::string origin;     // "flag --export", "default: the name"
  bool overrides = true;  // false: it only fills in what the files leave out
};

// By path, such as "spec.charts[0].name"; charts and registries are counted over all files.
using Elsewheres = std::map<std::string, Elsewhere>;

// Comment lines to stand above what is at a path.
using SpecNotes = std::map<std::string, std::vector<std::string>>;

// The spec as it counts, as YAML that is a valid spec itself: the files joined, variables put in,
// defaults filled in, and behind each value where it comes from. Secrets are masked: what is put in
// from a variable named like one or for a field named like one, and who is named in a URL. The
// files must have been found valid.
std::string effective_spec(const std::vector<SpecSource>& sources, const Environment& environment,
                           const Elsewheres& elsewhere, const SpecNotes& notes);

}  // namespace ocisync
