#pragma once

#include <string>
#include <vector>

#include "app/options.h"
#include "spec/source.h"
#include "spec/spec.h"

namespace ocisync {

// What `validate --show` prints: the spec as it counts, each value with where it comes from, and
// which credentials each registry would be opened with. Asks no registry and runs no credential
// helper. `spec` is what `sources` and `options` came to.
std::string shown_spec(const std::vector<SpecSource>& sources, const SpecOptions& options,
                       const Spec& spec);

}  // namespace ocisync
