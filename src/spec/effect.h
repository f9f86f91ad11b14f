#pragma once

#include "spec/spec.h"

namespace ocisync {

// Whether a chart's entry asks for the same in both specs: what is wanted, how it is reached, how
// it is shown, how often it is looked at. Where things stand in the file does not matter.
bool same_effect(const Spec& before, const ChartSpec& old_entry, const Spec& now,
                 const ChartSpec& new_entry);

}  // namespace ocisync
