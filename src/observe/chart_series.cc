#include "observe/chart_series.h"

#include <algorithm>
#include <iterator>
#include <memory>

#include "observe/exposition.h"

namespace ocisync {
namespace {

constexpr std::size_t kChartsInAPiece = 500;

using Labels = decltype(Sample::labels);
using Samples = std::vector<Sample>;

Labels with(Labels labels, const char* name, std::string_view value) {
  labels.emplace_back(name, value);
  return labels;
}

Labels labels_of(const ChartStatus& chart) { return {{"chart", label_value(chart.wanted.name)}}; }

void add_results(Samples& samples, const SyncCounts& counts, const Labels& labels) {
  for (const SyncResult result : kSyncResults)
    samples.push_back({with(labels, "result", to_string(result)),
                       static_cast<double>(counts.results[static_cast<std::size_t>(result)])});
}

void add_failures(Samples& samples, const SyncCounts& counts, const Labels& labels) {
  for (const auto& [reason, number] : counts.failures)
    samples.push_back({with(labels, "reason", to_string(reason)), static_cast<double>(number)});
}

// What one chart adds to a family.
using AddChart = void (*)(Samples&, const ChartStatus&);

void add_info(Samples& samples, const ChartStatus& chart) {
  Labels labels = labels_of(chart);
  labels.emplace_back("ref", label_value(chart.wanted.ref));
  labels.emplace_back("version", label_value(chart.version));
  labels.emplace_back("digest", chart.digest ? chart.digest->str() : std::string());
  labels.emplace_back("required", chart.wanted.required ? "true" : "false");
  samples.push_back({std::move(labels), 1});
}

void add_value(Samples& samples, const ChartStatus& chart, double value) {
  samples.push_back({labels_of(chart), value});
}

void add_time(Samples& samples, const ChartStatus& chart, const std::optional<WallTime>& time) {
  if (time)
    add_value(samples, chart, seconds(*time));
}

void add_condition(Samples& samples, const ChartStatus& chart, const Condition& condition) {
  add_value(samples, chart, condition.status == ConditionStatus::yes ? 1 : 0);
}

struct ChartFamily {
  SampleFamily family;
  bool summable;  // a gauge whose sum over all charts says something
  AddChart add;
};

const ChartFamily kFamilies[] = {
    {{"ocisync_syncs_total", "Attempts to bring a chart up to date, by how they ended.",
      SampleType::counter},
     false,
     [](Samples& to, const ChartStatus& chart) {
       add_results(to, chart.counts, labels_of(chart));
     }},
    {{"ocisync_sync_failures_total", "Failed attempts to bring a chart up to date, by reason.",
      SampleType::counter},
     false,
     [](Samples& to, const ChartStatus& chart) {
       add_failures(to, chart.counts, labels_of(chart));
     }},
    {{"ocisync_chart_info", "What is exported for a chart; always 1."}, false, add_info},
    {{"ocisync_chart_ready",
      "1 while the wanted revision of a chart is in place, or a recent enough one."},
     true,
     [](Samples& to, const ChartStatus& chart) { add_condition(to, chart, chart.ready); }},
    {{"ocisync_chart_stalled",
      "1 while only a change of spec, credentials or registry content can help a chart."},
     true,
     [](Samples& to, const ChartStatus& chart) { add_condition(to, chart, chart.stalled); }},
    {{"ocisync_chart_suspended", "1 while the spec suspends a chart."},
     true,
     [](Samples& to, const ChartStatus& chart) {
       add_value(to, chart, chart.wanted.suspended ? 1 : 0);
     }},
    {{"ocisync_chart_interval_seconds", "How often a chart is to be checked."},
     false,
     [](Samples& to, const ChartStatus& chart) {
       add_value(to, chart, seconds(chart.wanted.interval));
     }},
    {{"ocisync_chart_consecutive_failures", "Failed attempts since a chart's last success."},
     true,
     [](Samples& to, const ChartStatus& chart) { add_value(to, chart, chart.failures); }},
    {{"ocisync_chart_last_success_timestamp_seconds",
      "When a chart was last known to be current; absent until the first time."},
     false,
     [](Samples& to, const ChartStatus& chart) { add_time(to, chart, chart.last_success); }},
    {{"ocisync_chart_last_attempt_timestamp_seconds",
      "When the last attempt for a chart began; absent until the first."},
     false,
     [](Samples& to, const ChartStatus& chart) { add_time(to, chart, chart.last_attempt); }},
};

double sum(const ChartFamily& of, const BoardSnapshot& board) {
  double total = 0;
  Samples samples;
  for (const auto& chart : board.charts) {
    samples.clear();
    of.add(samples, *chart);
    for (const Sample& sample : samples)
      total += sample.value;
  }
  return total;
}

// Where a scrape stands.
struct Place {
  BoardSnapshot board;
  std::size_t family = 0;
  std::size_t chart = 0;
  bool announced = false;

  std::string piece() {
    SampleFamily part = kFamilies[family].family;
    const std::size_t end = std::min(chart + kChartsInAPiece, board.charts.size());
    for (; chart < end; ++chart)
      kFamilies[family].add(part.samples, *board.charts[chart]);
    std::string text = exposition(part, announced);
    announced = announced || !text.empty();
    if (chart == board.charts.size()) {
      ++family;
      chart = 0;
      announced = false;
    }
    return text;
  }
};

}  // namespace

Pieces chart_series(BoardSnapshot board) {
  const auto place = std::make_shared<Place>();
  place->board = std::move(board);
  return [place]() -> std::optional<std::string> {
    while (place->family < std::size(kFamilies))
      if (std::string text = place->piece(); !text.empty())
        return text;
    return std::nullopt;
  };
}

std::string chart_sums(const BoardSnapshot& board) {
  SampleFamily syncs = kFamilies[0].family;
  add_results(syncs.samples, board.totals, {});
  SampleFamily failures = kFamilies[1].family;
  add_failures(failures.samples, board.totals, {});
  std::string text = exposition(syncs) + exposition(failures);
  for (const ChartFamily& each : kFamilies) {
    if (!each.summable)
      continue;
    SampleFamily family = each.family;
    family.samples.push_back({{}, sum(each, board)});
    text += exposition(family);
  }
  return text;
}

}  // namespace ocisync
