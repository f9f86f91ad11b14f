#include <condition_variable>
#include <mutex>

#include <fmt/format.h>

#include "app/commands.h"
#include "app/output.h"
#include "app/signals.h"
#include "app/status_source.h"
#include "base/error.h"
#include "base/text.h"

namespace ocisync {
namespace {

constexpr Duration kPause{250};

struct ProbeOptions {
  StatusSource source;
  bool live = false;
  bool ready = false;
  bool startup = false;
  std::optional<Duration> wait;
};

void declare_probe(Flags& flags, ProbeOptions& options) {
  flags.toggle("live", options.live, "Is the process alive? (asks the sidecar)");
  flags.toggle("ready", options.ready, "Is every required chart in place?");
  flags.toggle("startup", options.startup, "Does every required chart have an export?");
  flags.duration("wait", options.wait, "Ask again until it is so, for this long");
  declare(flags, options.source);
}

// Empty: it is so. Else why it is not.
std::string complaint_of_sidecar(const ProbeOptions& options, const std::stop_token& stop) {
  const char* path = options.live ? "/livez" : options.ready ? "/readyz" : "/startupz";
  const HttpResponse answer = ask_sidecar(options.source, path, stop);
  if (answer.status() == 200)
    return "";
  return fmt::format("HTTP {}: {}", answer.status(), printable(trim(answer.text)));
}

std::string complaint_about(const Json& chart, const ProbeOptions& options) {
  const auto flag = [&](const char* key, bool otherwise) {
    const Json* value = chart.find(key);
    return value ? value->boolean().value_or(otherwise) : otherwise;
  };
  const bool good = options.ready ? condition_status(chart, "Ready") == "True"
                                  : chart.find_string("digest") != nullptr;
  if (good || !flag("required", true) || flag("suspended", false))
    return "";
  const std::string* name = chart.find_string("name");
  const std::string* reason = chart.find_string("reason");
  return printable((name ? *name : "") + ": " + (reason ? *reason : "not in place"));
}

std::string complaint_of_volume(const ProbeOptions& options) {
  for (const Json& document : read_volume_status(options.source)) {
    const Json* charts = document.find("charts");
    if (!charts)
      return "the status names no charts";
    for (const Json& chart : charts->items())
      if (std::string complaint = complaint_about(chart, options); !complaint.empty())
        return complaint;
  }
  return "";
}

std::string complaint(const ProbeOptions& options, const std::stop_token& stop) {
  try {
    return options.source.is_volume() ? complaint_of_volume(options)
                                      : complaint_of_sidecar(options, stop);
  } catch (const Error& error) {
    if (facts(error.reason()).exit_code == 2)
      throw;
    return error.what();
  }
}

void pause(const std::stop_token& stop) {
  std::mutex mutex;
  std::condition_variable_any never;
  std::unique_lock lock(mutex);
  never.wait_for(lock, stop, kPause, [] { return false; });
}

int run_probe(const ProbeOptions& options) {
  if (int{options.live} + int{options.ready} + int{options.startup} != 1)
    throw Error(Reason::usage_invalid, "probe takes one of --live, --ready and --startup");
  if (options.live && options.source.is_volume())
    throw Error(Reason::usage_invalid, "--live asks a process: give --url instead of --export");
  const Signals signals;
  const RealClock clock;
  const SteadyTime end = clock.steady() + options.wait.value_or(Duration{0});
  std::string wrong = complaint(options, signals.stop());
  while (!wrong.empty() && clock.steady() < end && signals.received() == 0) {
    pause(signals.stop());
    wrong = complaint(options, signals.stop());
  }
  if (wrong.empty()) {
    print("ok\n");
    return 0;
  }
  if (signals.received() != 0)
    return 128 + signals.received();
  fmt::print(stderr, "ocisync: {}\n", wrong);
  return 1;
}

}  // namespace

Command probe_command() {
  return make_command<ProbeOptions>("probe", "Whether a sidecar is live, ready or started",
                                    declare_probe, run_probe);
}

}  // namespace ocisync
