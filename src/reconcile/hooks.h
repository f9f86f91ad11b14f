#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "base/files.h"
#include "base/log.h"
#include "net/http.h"
#include "net/retry.h"
#include "observe/metrics.h"
#include "reconcile/hook_call.h"
#include "spec/spec.h"

namespace ocisync {

// Runs the hooks of the spec. Gates are asked before a revision becomes visible, in a lane, and may
// refuse. The others are owed for whatever readers see change, repairs and withdrawals included:
// written down on the export volume before, called on a thread of their own by turns, each call
// again with back-off until it succeeds, and after a crash by the next process; so they may run
// more than once. Of several changes of a path only what they come to counts.
// A hook gets JSON on stdin (or as body) and OCISYNC_HOOK_ variables, and of our own environment
// only PATH, HOME, TMPDIR, LANG and TZ: nothing that could be secret. Safe from any thread.
class Hooks {
 public:
  // `control` is asked each time: a volume that was wiped has another control directory.
  using Control = std::function<std::shared_ptr<const Directory>()>;
  Hooks(Control control, HttpClient& http, Metrics& metrics, Log& log, const Clock& clock,
        Random random);
  ~Hooks();  // ends what runs; what is owed stays written down

  // From now on these. What is owed to hooks that stay is still owed.
  void follow(const Spec& spec);

  // Before new revisions are published: asks the gates for a single chart, or those for a pass
  // with all that it is about to publish. Throws Error(verification_failed) when one refuses or
  // cannot be run, (timed_out) when it takes too long, (cancelled).
  void ask_gates(HookSpec::Per per, const std::vector<HookChange>& changes,
                 const std::stop_token& stop);
  bool has_pass_gates() const;  // whether there are gates for a pass
  // Before a change, once the gates agreed: from here on a crash loses nothing, neither this nor
  // what is owed about the path already.
  void write_down(const HookChange& change);
  // After the rename.
  void published(const HookChange& change);

  // At the start: what an earlier process owed, as far as `happened` knows the change.
  void take_over(const std::function<bool(const HookChange&)>& happened);

  // For a one-shot run: waits until nothing is owed, or until the deadline or `stop`. Returns the
  // names of the hooks that are still owed.
  std::vector<std::string> finish(SteadyTime deadline, const std::stop_token& stop);

 private:
  struct Call {
    std::map<std::string, HookChange> changes;  // by export path; one at least
    SteadyTime due{};
    unsigned failures = 0;
  };

  struct Owed {
    HookSpec hook;
    std::map<std::string, Call> calls;  // by export path; a pass is one call, by no path
    SteadyTime called{};                // the last time
  };

  void owe(const HookChange& change);
  void owe(Owed& owed, const HookChange& change) const;
  void run(const std::stop_token& stop);
  void run_one(std::unique_lock<std::mutex>& lock, const std::string& name, const std::string& key,
               const std::stop_token& stop);
  void take_over(const Directory& kept, const std::string& name,
                 const std::function<bool(const HookChange&)>& happened);
  void strike_out(const HookChange& change);
  Directory folder() const;

  const Control control_;
  HttpClient& http_;
  Metrics& metrics_;
  Log& log_;
  const Clock& clock_;
  Random random_;
  mutable std::mutex mutex_;
  std::condition_variable_any changed_;
  std::string owner_;
  Modes modes_ = kDefaultModes;
  RetrySpec retry_;
  std::vector<HookSpec> gates_;
  std::map<std::string, Owed> owed_;  // by hook; all that are to run after publishing
  bool hurry_ = false;                // a one-shot run waits
  std::uint64_t news_ = 0;            // grows with whatever may change what is to run next
  std::jthread thread_;               // from the first hook on
};

}  // namespace ocisync
