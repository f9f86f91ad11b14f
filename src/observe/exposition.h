#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"

namespace ocisync {

enum class SampleType { counter, gauge };

struct Sample {
  std::vector<std::pair<const char*, std::string>> labels;
  double value = 0;
};

struct SampleFamily {
  const char* name;
  const char* help;
  SampleType type = SampleType::gauge;
  std::vector<Sample> samples{};
};

// The family in Prometheus's text format; nothing when it has no samples. A piece that continues a
// family does not announce it again.
std::string exposition(const SampleFamily& family, bool continued = false);

// A label value as it may be shown: the format has escapes for quotes and line ends, but a scrape
// with bytes that are not UTF-8 would be refused as a whole.
std::string label_value(std::string_view value);

double seconds(WallTime time);  // since the epoch
double seconds(Duration duration);

}  // namespace ocisync
