#include <algorithm>
#include <cstdio>
#include <thread>

#include "app/commands.h"
#include "app/options.h"
#include "app/output.h"
#include "app/result.h"
#include "app/signals.h"
#include "app/wiring.h"
#include "spec/quantity.h"

namespace ocisync {
namespace {

// Requests a stop when the time is up, unless it is told before that it need not.
class Alarm {
 public:
  Alarm(Duration after, std::stop_source& target)
      : thread_([after, &target](const std::stop_token& own) {
          std::mutex mutex;
          std::condition_variable_any never;
          std::unique_lock lock(mutex);
          never.wait_for(lock, own, after, [] { return false; });
          if (!own.stop_requested())
            target.request_stop();
        }) {}

 private:
  std::jthread thread_;
};

// What the deadline cut off failed for want of time, not because somebody stopped it.
void name_the_deadline(PassResult& result, const std::string& limit) {
  for (Outcome& chart : result.charts) {
    const bool cut =
        chart.state == ChartState::skipped && chart.attempts == 0 && chart.message == kNeverStarted;
    if (!cut && chart.reason != Reason::cancelled)
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
  std::optional<Duration> timeout;
  bool fail_fast = false;
  bool quiet = false;
};

void declare_sync(Flags& flags, SyncOptions& options) {
  declare(flags, options.spec);
  flags.toggle("fail-fast", options.fail_fast, "Stop at the first required failure");
  flags.duration("timeout", options.timeout, "Bound of the whole pass (5m)");
  flags.toggle("quiet", options.quiet, "Print no result");
  declare_output(flags, options.output);
  declare(flags, options.log);
}

int run_sync(const SyncOptions& options) {
  const Duration timeout = options.timeout.value_or(std::chrono::minutes(5));
  if (timeout.count() == 0)
    throw Error(Reason::usage_invalid, "--timeout: 0 leaves no time for anything");
  Signals signals;
  const auto log = make_log(options.log);
  Wiring wiring(options.spec, load_effective_spec(options.spec, *log), *log);

  PassOptions pass;
  pass.only = {options.spec.only.begin(), options.spec.only.end()};
  pass.fail_fast = options.fail_fast;
  pass.deadline = wiring.clock().steady() + timeout;
  pass.deadline_text = "--timeout " + format_duration(timeout);

  std::stop_source stop;
  const std::stop_callback forward(signals.stop(), [&] { stop.request_stop(); });
  PassResult result;
  {
    const Alarm alarm(timeout, stop);
    result = wiring.reconciler().pass(pass, stop.get_token());
  }
  if (signals.received() != 0)
    return 128 + signals.received();
  if (stop.stop_requested())
    name_the_deadline(result, pass.deadline_text);
  const int code = exit_code(result);
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
