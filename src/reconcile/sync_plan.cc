#include "reconcile/sync_plan.h"

#include <algorithm>
#include <map>

#include <fmt/format.h>

#include "base/error.h"
#include "base/text.h"
#include "reconcile/failure.h"
#include "reconcile/generation_switch.h"
#include "reconcile/outcome.h"

namespace ocisync {
namespace {

void fill_failure(PlannedChart& planned, const Error& error) {
  planned.action = Action::blocked;
  planned.missing.clear();
  planned.reason = error.reason();
  planned.why = printable(error.what(), 2048);
  planned.hint = printable(error.hint(), 512);
  planned.stage = error.stage();
  planned.http_status = error.http_status();
}

// One chart of the plan.
class Prospect {
 public:
  Prospect(const ChartPlanner& planner, const Spec& spec, Publisher* publisher,
           const PlanOptions& options)
      : planner_(planner), spec_(spec), publisher_(publisher), options_(options) {}

  void fill(PlannedChart& planned, const ChartSpec& chart, std::stop_token stop) const {
    Inquiry inquiry{.chart = chart, .stop = std::move(stop)};
    planned.reason.reset();
    if (const auto failure = failure_of([&] { look(planned, inquiry); }))
      fill_failure(planned, *failure);
    planned.requests = inquiry.counts.requests;
  }

 private:
  void look(PlannedChart& planned, Inquiry& inquiry) const {
    ChartPlan plan = planner_.plan(inquiry);
    planned.reference = plan.revision.reference.str();
    planned.action = plan.step.action;
    planned.why = printable(plan.step.because, 2048);
    if (const auto& publication = plan.observed.publication) {
      planned.previous = publication->manifest;
      planned.previous_version = publication->chart_version;
    }
    if (plan.step.accepted && publisher_)
      if (const auto pin = standing_pin(spec_, *publisher_)) {
        planned.action = Action::unchanged;
        planned.why = fmt::format("it is ready; rolled back to generation {}", pin->generation);
      }
    if (plan.step.action == Action::blocked)
      throw Error(Reason::path_conflict, plan.step.because).stage("publish");
    if (planned.action == Action::unchanged)
      planned.digest = planned.previous;
    else
      look_closer(planned, inquiry, plan);
  }

  void look_closer(PlannedChart& planned, Inquiry& inquiry, ChartPlan& plan) const {
    const Resolver& resolver = planner_.resolver();
    const SelectedChart selected =
        at_stage("manifest", [&] { return resolver.select(inquiry, plan.revision); });
    planned.digest = selected.manifest.digest;
    planned.missing = resolver.missing(plan.revision, selected);
    if (options_.in_detail.contains(inquiry.chart.name))
      planned.files =
          compare_with_export(spec_, inquiry.chart, publisher_, plan.observed.publication,
                              resolver.inspect(inquiry, plan.revision, selected));
  }

  const ChartPlanner& planner_;
  const Spec& spec_;
  Publisher* publisher_;
  const PlanOptions& options_;
};

PlannedChart not_asked_yet(const Spec& spec, const ChartSpec& chart) {
  PlannedChart planned;
  planned.name = chart.name;
  planned.reference = chart.reference.str();
  planned.required = chart.required;
  planned.export_path = absolute_export_path(spec, export_path(spec, chart));
  planned.reason = Reason::cancelled;
  planned.why = kNeverStarted;
  if (spec.suspend || chart.suspend) {
    planned.reason.reset();
    planned.action = Action::unchanged;
    planned.why = "suspended in the spec";
  }
  return planned;
}

// A pass may hold it back for as long as readers need it (may_go).
PlannedChart planned_withdrawal(const Spec& spec, const Publication& gone) {
  PlannedChart planned;
  planned.name = gone.chart;
  planned.reference = gone.reference;
  planned.action = Action::remove;
  planned.why = why_withdrawn(spec, gone);
  planned.required = false;
  planned.previous = gone.manifest;
  planned.previous_version = gone.chart_version;
  planned.export_path = absolute_export_path(spec, gone.path);
  return planned;
}

// As a pass decides it once it knows what became of the charts.
PlannedSwitch planned_switch(const Spec& spec, const Publisher* publisher, const SyncPlan& plan) {
  PlannedSwitch planned;
  const auto shown = publisher ? publisher->snapshot().shown() : nullptr;
  if (shown)
    planned.shown = shown->number;
  bool changes = false;
  std::vector<std::string> missing, failing;
  for (const PlannedChart& chart : plan.charts) {
    changes = changes || chart.action == Action::create || chart.action == Action::update ||
              chart.action == Action::remove;
    if (chart.required && chart.reason)
      failing.push_back(chart.name);
  }
  for (const ChartSpec& chart : spec.charts)
    if (std::find(failing.begin(), failing.end(), chart.name) != failing.end() &&
        !(publisher && publisher->find(export_path(spec, chart))))
      missing.push_back(chart.name);
  if (const auto pin = publisher ? standing_pin(spec, *publisher) : std::nullopt)
    planned.why = fmt::format("rolled back to generation {}", pin->generation);
  else if (!changes && shown)
    planned.why = "it shows what is wanted";
  else if (const auto held = why_held(spec, shown.get(), missing, failing))
    planned.why = *held;
  else
    planned = {planned.shown, true, "charts change"};
  return planned;
}

}  // namespace

std::uint64_t PlannedChart::bytes() const {
  std::uint64_t total = 0;
  for (const Descriptor& descriptor : missing)
    total += descriptor.size;
  return total;
}

std::uint64_t SyncPlan::bytes() const {
  std::map<Digest, std::uint64_t> sizes;
  for (const PlannedChart& chart : charts)
    for (const Descriptor& descriptor : chart.missing)
      sizes.emplace(descriptor.digest, descriptor.size);
  std::uint64_t total = 0;
  for (const auto& [digest, size] : sizes)
    total += size;
  return total;
}

int exit_code(const SyncPlan& plan) {
  int code = 0;
  bool differs = false;
  for (const PlannedChart& chart : plan.charts) {
    differs |= chart.action != Action::unchanged && chart.action != Action::blocked;
    if (chart.required && chart.reason)
      code = graver_exit_code(code, *chart.reason);
  }
  return code == 0 && differs ? 4 : code;
}

void ask_about_charts(const Sources& sources, Lanes& lanes, const std::set<std::string>& only,
                      std::stop_token stop, const std::function<void(std::size_t)>& ask) {
  const std::vector<ChartSpec>& charts = sources.spec.charts;
  std::vector<Reference> expected;
  for (const ChartSpec& chart : charts)
    if (!chart.repository && (only.empty() || only.contains(chart.name)))
      expected.push_back(chart.reference);
  sources.registry.expect(expected);
  for (std::size_t i = 0; i < charts.size(); ++i)
    if (only.empty() || only.contains(charts[i].name))
      lanes.add({.group = sources.registry.registry_key(charts[i].reference),
                 .run = [&ask, i] { ask(i); }});
  lanes.drain(std::move(stop));
}

SyncPlan plan_sync(const Sources& sources, Publisher* publisher, Lanes& lanes, const Clock& clock,
                   const PlanOptions& options, std::stop_token stop) {
  const Spec& spec = sources.spec;
  const SteadyTime started = clock.steady();
  SyncPlan plan;
  plan.spec_name = spec.name;
  plan.spec_hash = spec.hash;
  plan.started = clock.wall();
  for (const ChartSpec& chart : spec.charts)
    plan.charts.push_back(not_asked_yet(spec, chart));

  const ChartPlanner planner(sources, publisher);
  const Prospect prospect(planner, spec, publisher, options);
  ask_about_charts(sources, lanes, options.only, stop, [&](std::size_t i) {
    if (plan.charts[i].reason)
      prospect.fill(plan.charts[i], spec.charts[i], stop);
  });

  if (!options.only.empty())
    std::erase_if(plan.charts,
                  [&](const PlannedChart& chart) { return !options.only.contains(chart.name); });
  else if (publisher)
    for (const Publication& gone : withdrawals(spec, publisher->published()))
      plan.charts.push_back(planned_withdrawal(spec, gone));
  if (spec.exports.layout == Layout::snapshot && !spec.suspend)
    plan.generation = planned_switch(spec, publisher, plan);
  plan.duration = std::chrono::duration_cast<Duration>(clock.steady() - started);
  return plan;
}

}  // namespace ocisync
