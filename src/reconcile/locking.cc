#include "reconcile/locking.h"

#include "base/error.h"
#include "base/text.h"
#include "chart/metadata.h"
#include "reconcile/failure.h"
#include "reconcile/outcome.h"
#include "reconcile/sync_plan.h"

namespace ocisync {
namespace {

LockedChart lock_chart(const Resolver& resolver, const ChartSpec& chart, std::stop_token stop) {
  Inquiry inquiry{.chart = chart, .stop = std::move(stop)};
  Revision revision = at_stage("resolve", [&] { return resolver.resolve(inquiry, std::nullopt); });
  const SelectedChart selected =
      at_stage("manifest", [&] { return resolver.select(inquiry, revision); });
  const ChartMetadata metadata =
      read_chart_yaml(resolver.inspect(inquiry, revision, selected).chart_yaml);
  return {.name = chart.name,
          .reference = chart.written_ref,
          .version = chart.written_version,
          .tag = revision.reference.tag().value_or(""),
          .manifest = revision.resolved,
          .content = selected.chart.content.digest,
          .content_size = selected.chart.content.size,
          .chart_name = metadata.name,
          .chart_version = metadata.version};
}

}  // namespace

Locking lock_charts(const Sources& sources, Lanes& lanes, const LockFile& before,
                    const std::set<std::string>& only, std::stop_token stop) {
  const std::vector<ChartSpec>& charts = sources.spec.charts;

  struct Slot {
    std::optional<LockedChart> locked;
    Error error{Reason::cancelled, std::string(kNeverStarted)};
  };

  std::vector<Slot> slots(charts.size());
  const Resolver resolver(sources);
  ask_about_charts(sources, lanes, only, stop, [&](std::size_t i) {
    if (auto failure = failure_of([&] { slots[i].locked = lock_chart(resolver, charts[i], stop); }))
      slots[i].error = *std::move(failure);
  });

  Locking locking;
  if (!only.empty())
    locking.lock = before;
  for (std::size_t i = 0; i < charts.size(); ++i) {
    if (!only.empty() && !only.contains(charts[i].name))
      continue;
    if (slots[i].locked) {
      locking.lock.set(*std::move(slots[i].locked));
      continue;
    }
    const Error& error = slots[i].error;
    locking.failures.push_back({charts[i].name, charts[i].reference.str(), error.reason(),
                                printable(error.what(), 2048), printable(error.hint(), 512)});
  }
  return locking;
}

}  // namespace ocisync
