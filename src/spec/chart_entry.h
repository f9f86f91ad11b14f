#pragma once

#include "spec/draft.h"

namespace ocisync {

// Makes sense of one chart's entry once its fields were read: its reference together with its
// version, its tag filter, its name and its path. What is wrong is complained about at the current
// place.
void settle_chart(Reading& reading, const YamlValue& map, ChartDraft& draft);

}  // namespace ocisync
