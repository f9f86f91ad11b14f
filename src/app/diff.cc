#include <algorithm>

#include "app/commands.h"
#include "app/options.h"
#include "app/output.h"
#include "app/plan_report.h"
#include "app/signals.h"
#include "app/time_limit.h"
#include "app/wiring.h"
#include "base/text.h"

namespace ocisync {
namespace {

enum class PlanFormat { text, json, markdown };

struct DiffOptions {
  SpecOptions spec;
  TermsOptions terms;
  LogOptions log;
  std::vector<std::string> names;
  std::optional<Duration> timeout;
  std::optional<PlanFormat> output;
};

void declare_diff(Flags& flags, DiffOptions& options) {
  flags.positionals("NAME", options.names, "Only these charts, and how their files would change")
      .brief = "Only these charts, and how files would change";
  declare_exporting(flags, options.spec);
  declare_terms(flags, options.terms);
  declare_timeout(flags, options.timeout);
  flags
      .choice<PlanFormat>("output", options.output,
                          {{"text", PlanFormat::text},
                           {"json", PlanFormat::json},
                           {"markdown", PlanFormat::markdown}},
                          "The plan on stdout (text)")
      .letter = 'o';
  declare(flags, options.log);
}

PlanOptions plan_options(const DiffOptions& options, const Spec& spec) {
  PlanOptions plan;
  plan.in_detail = {options.names.begin(), options.names.end()};
  plan.only = {options.spec.only.begin(), options.spec.only.end()};
  plan.only.insert(options.names.begin(), options.names.end());
  for (const std::string& name : options.names)
    if (std::none_of(spec.charts.begin(), spec.charts.end(),
                     [&](const ChartSpec& chart) { return chart.name == name; }))
      throw Error(Reason::usage_invalid, "the spec has no chart named '" + printable(name) + "'");
  return plan;
}

// What the deadline cut off could not be planned for want of time.
void name_the_deadline(SyncPlan& plan, const std::string& limit) {
  for (PlannedChart& chart : plan.charts)
    if (chart.reason == Reason::cancelled) {
      chart.reason = Reason::timed_out;
      chart.why = limit + " ran out";
    }
}

std::string report(const SyncPlan& plan, PlanFormat format, int code) {
  switch (format) {
    case PlanFormat::text:
      return plan_table(plan);
    case PlanFormat::json:
      return plan_json(plan, code);
    case PlanFormat::markdown:
      return plan_markdown(plan);
  }
  return {};
}

int run_diff(const DiffOptions& options) {
  const Duration timeout = timeout_of(options.timeout);
  Signals signals;
  const auto log = make_log(options.log);
  Spec spec = load_effective_spec(options.spec, *log);
  require_export_path(spec);
  const PlanOptions asked = plan_options(options, spec);
  const Terms terms = load_terms(options.spec, options.terms, spec);
  ReadingWiring wiring(options.spec, std::move(spec), terms, *log);

  const TimeLimit limit(timeout, signals);
  SyncPlan plan = plan_sync(wiring.sources(), wiring.publisher(), wiring.lanes(), wiring.clock(),
                            asked, limit.token());
  if (signals.received() != 0)
    return 128 + signals.received();
  if (limit.over())
    name_the_deadline(plan, limit.text());
  const int code = exit_code(plan);
  print(report(plan, options.output.value_or(PlanFormat::text), code));
  return code;
}

}  // namespace

Command diff_command() {
  return make_command<DiffOptions>("diff", "What a pass would change; writes nothing at all",
                                   declare_diff, run_diff);
}

}  // namespace ocisync
