#pragma once

#include "spec/draft.h"

namespace ocisync {

// Holds the charts of all files against each other (names, export paths) and hands them to the
// spec.
void settle_charts(Reading& reading, SpecDraft& draft);

// The same for registries.
void settle_registries(Reading& reading, const Spec& spec);

}  // namespace ocisync
