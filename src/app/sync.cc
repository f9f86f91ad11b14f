#include "app/commands.h"
#include "app/deadline.h"
#include "app/options.h"
#include "app/output.h"
#include "app/progress_display.h"
#include "app/result.h"
#include "app/signals.h"
#include "app/termination_log.h"
#include "app/time_limit.h"
#include "app/watch.h"
#include "app/wiring.h"
#include "base/error.h"
#include "base/files.h"

namespace ocisync {
namespace {

// What the deadline cut off failed for want of time, not because somebody stopped it.
void name_the_deadline(PassResult& result, const std::string& limit) {
  for (Outcome& chart : result.charts) {
    const bool never_began =
        chart.state == ChartState::skipped && chart.attempts == 0 && chart.selected;
    if (!never_began && chart.reason != Reason::cancelled)
      continue;
    chart.state = ChartState::failed;
    chart.reason = Reason::timed_out;
    chart.message = limit + " ran out";
  }
}

struct SyncOptions {
  SpecOptions spec;
  LogOptions log;
  std::optional<OutputFormat> output;
  TermsOptions terms;
  std::optional<Duration> timeout;
  std::optional<std::string> listen;
  bool watch = false;
  bool no_export = false;
  std::optional<ProgressStyle> progress;
  std::optional<std::filesystem::path> status_file;
  std::optional<std::filesystem::path> termination_log;
  std::optional<std::filesystem::path> metrics_file;
  bool fail_fast = false;
  bool quiet = false;
};

void declare_sync(Flags& flags, SyncOptions& options) {
  declare(flags, options.spec);
  declare_terms(flags, options.terms);
  flags.toggle("watch", options.watch, "Keep reconciling until SIGTERM");
  flags
      .text("listen", "HOST:PORT", options.listen,
            "Serve health, metrics and status here (with --watch: [::]:9786)")
      .brief = "Serve health and metrics (--watch: [::]:9786)";
  flags.toggle("no-export", options.no_export, "Fill the cache only, publish nothing");
  flags.toggle("fail-fast", options.fail_fast, "Stop at the first required failure");
  declare_timeout(flags, options.timeout);
  flags.toggle("quiet", options.quiet, "Print no result, log errors alone").brief =
      "No result, errors alone";
  Flag& progress = declare_progress(flags, options.progress);
  progress.brief = "bars: auto|plain|none";
  progress.joins = true;
  flags.path("status-file", "FILE", options.status_file, "The status (on the export volume)");
  flags.path("termination-log", "FILE", options.termination_log,
             "What Kubernetes shows of the end");
  flags
      .path("metrics-file", "FILE", options.metrics_file,
            "The metrics of the pass, for Prometheus's textfile collector")
      .brief = "Metrics of the pass, as a Prometheus textfile";
  declare_output(flags, options.output);
  declare(flags, options.log);
}

// The spec as this run takes it; with --no-export nothing is exported, whatever it says.
Spec spec_for(const SyncOptions& options, Log& log) {
  if (options.no_export && options.spec.exports)
    throw Error(Reason::usage_invalid, "--export and --no-export contradict each other");
  if (options.no_export && options.status_file)
    throw Error(Reason::usage_invalid,
                "--status-file tells of exports, and with --no-export there are none");
  Spec spec = load_effective_spec(options.spec, log);
  if (options.no_export)
    spec.exports.path.reset();
  else
    require_export_path(spec);
  return spec;
}

// The metrics of a pass, whatever became of it, once nothing more is counted.
void write_metrics(const std::filesystem::path& file, const Metrics& metrics, Log& log) {
  try {
    const std::filesystem::path path = std::filesystem::absolute(file);
    Directory::open(path.parent_path())
        .write_atomic(path.filename().string(), metrics.text(), kDefaultModes.file);
  } catch (const Error& error) {
    log.warning("MetricsNotWritten", "the metrics could not be written",
                {{"error", std::string(error.what())}});
  }
}

struct Finished {
  PassResult result;
  int code;
};

Finished one_pass(const SyncOptions& options, Duration timeout, const Signals& signals, Log& log) {
  // Outlives whatever may hang.
  const Deadline deadline(signals, log, [](int signal) { return 128 + signal; });
  Spec spec = spec_for(options, log);
  const Terms terms = load_terms(options.spec, options.terms, spec);
  Wiring wiring(options.spec, std::move(spec), terms, log, options.status_file);
  std::optional<Service> service;
  if (options.listen)
    service.emplace(*options.listen, wiring,
                    AdminActions{.sync = [] {}, .reload = [] {}});  // it is at it already
  PassOptions pass;
  pass.only = {options.spec.only.begin(), options.spec.only.end()};
  pass.fail_fast = options.fail_fast;
  pass.deadline = wiring.clock().steady() + timeout;

  const TimeLimit limit(timeout, signals);
  pass.deadline_text = limit.text();
  PassResult result;
  {
    const ProgressDisplay shown(
        options.progress.value_or(options.quiet ? ProgressStyle::none : ProgressStyle::automatic),
        wiring.progress(), log);
    result = wiring.reconciler().pass(pass, limit.token());
  }
  const bool out_of_time = limit.over();  // by now: what follows takes its time too
  if (options.metrics_file)
    write_metrics(*options.metrics_file, wiring.metrics(), log);
  if (signals.received() != 0)
    return {std::move(result), 128 + signals.received()};
  if (out_of_time)
    name_the_deadline(result, limit.text());
  const int code = exit_code(result);
  return {std::move(result), code};
}

Finished told_pass(const SyncOptions& options, Duration timeout, const Signals& signals, Log& log) {
  try {
    Finished finished = one_pass(options, timeout, signals, log);
    write_termination_log(options.termination_log, termination_message(finished.result), log);
    return finished;
  } catch (const Error& error) {
    write_termination_log(options.termination_log, error.what(), log);
    throw;
  }
}

LogOptions log_options(const SyncOptions& options) {
  LogOptions log = options.log;
  if (options.quiet && !log.level)
    log.level = LogLevel::error;
  return log;
}

int run_watch(const SyncOptions& options) {
  if (options.timeout)
    throw Error(Reason::usage_invalid,
                "--timeout bounds a single pass and contradicts --watch (leave it out)");
  if (options.termination_log)
    throw Error(Reason::usage_invalid,
                "--termination-log tells of a single pass and contradicts --watch (leave it out)");
  if (options.metrics_file)
    throw Error(Reason::usage_invalid,
                "--metrics-file tells of a single pass and contradicts --watch, which serves "
                "/metrics (leave it out)");
  if (options.fail_fast)
    throw Error(Reason::usage_invalid,
                "--fail-fast ends a single pass and contradicts --watch (leave it out)");
  const auto log = make_log(log_options(options));
  return watch({.spec = options.spec,
                .terms = options.terms,
                .listen = options.listen,
                .status_file = options.status_file,
                .load = [&](Log& notes) { return spec_for(options, notes); }},
               *log);
}

int run_sync(const SyncOptions& options) {
  if (options.watch)
    return run_watch(options);
  const Duration timeout = timeout_of(options.timeout);
  Signals signals;
  const auto log = make_log(log_options(options));
  const auto [result, code] = told_pass(options, timeout, signals, *log);
  if (!options.quiet)
    print(options.output == OutputFormat::json ? result_json(result, code) : result_table(result));
  return code;
}

}  // namespace

Command sync_command() {
  return make_command<SyncOptions>("sync", "One pass over the spec, then exit (the default)",
                                   declare_sync, run_sync);
}

}  // namespace ocisync
