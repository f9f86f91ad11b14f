#include "reconcile/chart_planner.h"

#include "base/error.h"
#include "export/site.h"

namespace ocisync {

ChartPlan ChartPlanner::plan(Inquiry& inquiry) const {
  const ChartSpec& chart = inquiry.chart;
  const Observed observed = at_stage("publish", [&] { return observe(chart); });
  Revision revision =
      at_stage("resolve", [&] { return resolver_.resolve(inquiry, observed.publication); });
  const Step step = spec_.exports.path
                        ? decide(chart, spec_.exports.layout, observed, revision.resolved)
                        : decide_to_pull();
  return {observed, std::move(revision), step};
}

Observed ChartPlanner::observe(const ChartSpec& chart) const {
  if (!spec_.exports.path)
    return {};
  if (publisher_)
    return publisher_->look(chart.export_path);
  require_free(chart.export_path);
  return {};
}

// Where nothing was exported yet, whatever stands in the way is somebody else's.
void ChartPlanner::require_free(const std::string& path) const {
  const auto root = Directory::open_if_exists(*spec_.exports.path);
  if (!root)
    return;
  const Site site = Site::at(*root, path);
  if (site.kind() == Site::Kind::directory || site.kind() == Site::Kind::foreign)
    throw Error(Reason::path_conflict, site.description() + " that was not published here")
        .hint("move it away, or give the chart another export.path");
}

}  // namespace ocisync
