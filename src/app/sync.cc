#include <algorithm>
#include <cstdio>
#include <thread>

#include "app/commands.h"
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

}  // namespace

int run_sync(const Options& options) {
  Signals signals;
  const auto log = make_log(options);
  for (const std::string& warning : options.warnings)
    log->warning("UnknownVariable", warning);
  Wiring wiring(options, load_effective_spec(options, *log), *log);

  PassOptions pass;
  pass.only = options.only;
  pass.fail_fast = options.fail_fast;
  pass.deadline = wiring.clock().steady() + options.timeout;
  pass.deadline_text = "--timeout " + format_duration(options.timeout);

  std::stop_source stop;
  const std::stop_callback forward(signals.stop(), [&] { stop.request_stop(); });
  PassResult result;
  {
    const Alarm alarm(options.timeout, stop);
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

}  // namespace ocisync
