#pragma once

#include <chrono>
#include <exception>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace ocisync {

// What happens next. If nobody would react differently, it is not another fault.
enum class Fault {
  retry,            // the same request may succeed later; the chart is tried again by itself
  wait_for_person,  // only a change of spec, credentials or registry content helps
  fetch_again,      // what is held is damaged; drop it and fetch it once more
  stop,             // we were asked to stop, or cannot run at all
};

// Why something failed: the one closed list that log, status, result document and metrics share.
// Adding one means adding its row to the table in error.cc, nothing else.
enum class Reason {
  spec_invalid,
  usage_invalid,
  volume_unsuitable,
  format_unknown,
  reference_invalid,
  not_found,
  no_matching_version,
  unauthorized,
  credentials_invalid,
  rate_limited,
  unavailable,
  timed_out,
  tls_failed,
  policy_refused,
  protocol_violation,
  digest_mismatch,
  limit_exceeded,
  unsupported,
  ambiguous_chart,
  chart_invalid,
  verification_failed,
  path_conflict,
  lock_mismatch,
  offline_miss,
  disk_full,
  storage_failed,
  generation_held,
  rolled_back,
  cancelled,
  internal,
};

struct ReasonFacts {
  std::string_view name;  // CamelCase, as printed everywhere
  Fault fault;
  int exit_code;  // of a one-shot run in which a required chart failed for this reason
  std::string_view meaning;
};

const ReasonFacts& facts(Reason reason);
std::span<const Reason> all_reasons();

inline std::string_view to_string(Reason reason) { return facts(reason).name; }

// The one exception type. It carries a reason (closed list), one sentence, and the trail of what
// was being done, innermost first. Copyable, so that every waiter of a shared operation can
// annotate its own copy.
class Error : public std::exception {
 public:
  Error(Reason reason, std::string message);

  Reason reason() const noexcept { return reason_; }

  Fault fault() const noexcept { return facts(reason_).fault; }

  const std::string& message() const noexcept { return message_; }

  // "while doing x: while doing y: message", outermost first; one line.
  const char* what() const noexcept override { return what_.c_str(); }

  Error& during(std::string activity);

  // What the reader can do about it. Empty when there is nothing useful to say.
  Error& hint(std::string text);

  const std::string& hint() const noexcept { return hint_; }

  // The part of a chart's journey that failed: resolve, manifest, config, content, verify, unpack,
  // publish. The innermost stage wins.
  Error& stage(std::string_view name);

  const std::string& stage() const noexcept { return stage_; }

  Error& http_status(int status);

  int http_status() const noexcept { return http_status_; }  // 0: no answer was involved

  // Not to be tried before this moment (Retry-After).
  Error& not_before(std::chrono::steady_clock::time_point when);

  std::optional<std::chrono::steady_clock::time_point> not_before() const noexcept {
    return not_before_;
  }

 private:
  Reason reason_;
  std::string message_;
  std::string what_;
  std::string hint_;
  std::string stage_;
  int http_status_ = 0;
  std::optional<std::chrono::steady_clock::time_point> not_before_;
};

// Runs `act`; an Error that leaves it carries `describe()` in its trail. `describe` is only called
// on failure.
template <typename Describe, typename Act>
auto during(Describe&& describe, Act&& act) -> decltype(act()) {
  try {
    return act();
  } catch (Error& error) {
    error.during(describe());
    throw;
  }
}

// Like during, but names the stage of a chart's journey.
template <typename Act>
auto at_stage(std::string_view stage, Act&& act) -> decltype(act()) {
  try {
    return act();
  } catch (Error& error) {
    error.stage(stage);
    throw;
  }
}

// An Error for a failed system call: ENOSPC and EDQUOT are disk_full, the rest storage_failed.
// `code` is errno, captured by the caller before anything else could change it.
Error system_error(int code, std::string what);

}  // namespace ocisync
