#include "observe/exposition.h"

#include <sstream>

#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include "base/text.h"

namespace ocisync {
namespace {

prometheus::ClientMetric converted(SampleType type, const Sample& sample) {
  prometheus::ClientMetric metric;
  metric.label.reserve(sample.labels.size());
  for (const auto& [name, value] : sample.labels)
    metric.label.push_back({name, value});
  (type == SampleType::counter ? metric.counter.value : metric.gauge.value) = sample.value;
  return metric;
}

}  // namespace

std::string exposition(const SampleFamily& family, bool continued) {
  if (family.samples.empty())
    return {};
  prometheus::MetricFamily whole{family.name,
                                 continued ? "" : family.help,
                                 family.type == SampleType::counter
                                     ? prometheus::MetricType::Counter
                                     : prometheus::MetricType::Gauge,
                                 {}};
  whole.metric.reserve(family.samples.size());
  for (const Sample& sample : family.samples)
    whole.metric.push_back(converted(family.type, sample));
  std::ostringstream out;
  prometheus::TextSerializer().Serialize(out, {std::move(whole)});
  std::string text = std::move(out).str();
  return continued ? text.substr(text.find('\n') + 1) : text;  // without the line of its type
}

std::string label_value(std::string_view value) { return printable(value); }

double seconds(WallTime time) {
  return std::chrono::duration<double>(time.time_since_epoch()).count();
}

double seconds(Duration duration) { return std::chrono::duration<double>(duration).count(); }

}  // namespace ocisync
