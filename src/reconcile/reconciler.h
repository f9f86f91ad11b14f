#pragma once

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <stop_token>
#include <string>
#include <vector>

#include "net/retry.h"
#include "observe/metrics.h"
#include "observe/status_board.h"
#include "reconcile/chart_task.h"
#include "reconcile/followed_spec.h"
#include "reconcile/generation_switch.h"
#include "reconcile/housekeeping.h"
#include "reconcile/narrator.h"
#include "reconcile/outcome.h"
#include "reconcile/schedule.h"

namespace ocisync {

struct PassOptions {
  std::set<std::string>
      only;                // chart names; empty: all. Others are skipped and nothing is withdrawn
  bool fail_fast = false;  // the first required failure stops what has not begun
  SteadyTime deadline = SteadyTime::max();  // a retry that would come later fails the chart instead
  std::string deadline_text;                // for the message: "--timeout 5m"
};

// Keeps the exports like the spec. Every chart goes through its journey in a lane whenever its
// schedule says so; exports that left the spec are withdrawn, superseded revisions and unnamed
// cache content are cleared, and what is kept is written down. A one-shot pass is the schedule that
// ends. The thread that runs it only decides: files, hashing and network are the lanes' work, so
// the heartbeat it gives the board means something. Several processes may do the same at once.
class Reconciler {
 public:
  // `rooms` is kept, with whatever it owns, while anything uses it.
  // The status goes to `status_file`; absent: on the export volume.
  Reconciler(std::shared_ptr<const Rooms> rooms, StatusBoard& board, Metrics& metrics,
             std::optional<std::filesystem::path> status_file, Random random);
  ~Reconciler();

  // One of the two, once, on one thread. watch() returns after `stop`, when nothing is under way.
  PassResult pass(const PassOptions& options, std::stop_token stop);
  void watch(const std::set<std::string>& only, std::stop_token stop);

  // While watch() runs; from any thread, without waiting.

  // All charts, or those named, are due.
  void sync_now();
  void sync_now(std::set<std::string> charts);
  // Somebody pinned a generation, or no longer does.
  void rollback_changed();
  // From now on these. Charts whose entry has the same effect go on as they were; what is under way
  // for the others is abandoned before anything begins anew.
  void follow(std::shared_ptr<const Rooms> rooms);

 private:
  // What is known of a chart of the spec that is followed.
  struct Slot {
    std::size_t index = 0;  // in the spec
    std::string group;      // in the lanes; empty until it is worked on
    Outcome outcome{};      // of the last attempt; in a pass with the costs of all before it
    Narrator::Next next{};  // of an outcome that waits for a generation, until it is told
    std::optional<WallTime> last_success{};
    std::stop_source stop{};
    bool looking = false;  // at what stands, before the first attempt or in place of all
    bool under_way = false;
    bool overtaken = false;  // by a spec that waits for it to end
  };

  // A chart that is ready, at the gates of the pass.
  struct AtGates {
    std::string name;
    std::size_t index;  // in the spec that it came by
    Journey journey;
    std::shared_ptr<FollowedSpec> followed;
  };

  // Gates of a pass are asked once everything that is under way has come to them; a watch does not
  // wait longer than spec.timeout for that.
  struct Gates {
    std::vector<AtGates> waiting;
    bool busy = false;  // being asked about others
    SteadyTime due = SteadyTime::max();
    std::stop_source stop{};
  };

  static constexpr const char* kLocal = "";  // the group of work that asks no registry

  struct House {
    bool busy = false;
    SteadyTime due = SteadyTime::max();
    SteadyTime sweep_due{};
    SteadyTime ended{};
    Duration took{0};
    HouseWork work;  // since it was last tidied
    CacheFigures cache;
    std::uint64_t damaged = 0;  // blobs that were told of
  };

  // Layout snapshot: the switch to come.
  struct PendingSwitch {
    bool busy = false;
    bool held = false;  // the last one failed, or was not made
    SteadyTime due = SteadyTime::max();
    std::set<std::string> awaited;  // keepGeneration: charts that were on their way before
    unsigned failures = 0;          // in a row
  };

  // The loop.
  void run(const std::stop_token& stop);
  void wait(const std::stop_token& stop);
  void post(std::function<void()> act);
  void abandon();
  void close();

  // What is followed.
  void adopt(std::shared_ptr<FollowedSpec> next);
  void adopt_if_free();
  void introduce(const ChartSpec& chart, Slot& slot, bool known);
  void enter(const ChartSpec& chart);
  void leave(const std::string& name, Slot& slot);
  bool is_worked_on(const ChartSpec& chart) const;

  // One chart.
  void look(const std::string& name, Slot& slot);
  void looked(const std::string& name, const std::optional<Publication>& found);
  void renew_indexes(const ChartSpec& chart);
  void hasten(const std::string& name);
  void start(const std::string& name, Slot& slot);
  void arrive(AtGates waiting);
  void settle(const std::string& name, Outcome outcome);
  void cut_off(const std::string& name, Slot& slot, Outcome outcome);
  void note(const Outcome& outcome, const Slot& slot);
  void finish(Slot& slot);

  // The gates of a pass.
  void tend_gates();
  void turn_back_the_overtaken();
  void ask(std::vector<AtGates> waiting);
  void let_through(AtGates waiting, const std::optional<Error>& refusal);

  // The snapshot.
  void want_switch();
  void tend_switch();
  SwitchWork switch_work(bool prune) const;
  void switched(const SwitchReport& report);
  SwitchReport last_switch(const std::stop_token& stop);

  // The volumes.
  void tend_house();
  void housed(const HouseReport& report, const HouseWork& work, Duration took);
  void want_house(Duration within);
  void tell_cache(const HouseReport& report);
  void write_status(const Rooms& rooms);
  std::vector<std::string> pulled() const;
  PassResult end_pass(const std::stop_token& stop);

  StatusBoard& board_;
  Metrics& metrics_;
  const std::optional<std::filesystem::path> status_file_;
  Log& log_;
  const Clock& clock_;
  Lanes& lanes_;
  Random random_;
  Schedule schedule_;
  std::optional<SteadyTime> indexes_renewed_;  // absent: the next chart of one renews them
  Narrator narrator_;
  std::shared_ptr<FollowedSpec> followed_;
  std::shared_ptr<FollowedSpec> next_followed_;  // waits until what it overtakes has ended
  std::map<std::string, Slot, std::less<>> slots_;
  std::set<std::string> only_;
  const PassOptions* pass_ = nullptr;  // null: watching
  std::size_t jobs_ = 0;               // in the lanes, ours
  std::size_t travelling_ = 0;         // of them: charts that may yet come to the gates
  std::atomic<bool> closed_{false};    // nothing begins any more; jobs that wait look at it too
  bool abandoned_ = false;
  House house_;
  Gates gates_;
  PendingSwitch switch_;

  std::mutex mutex_;  // of the inbox, through which everybody else talks to the loop
  std::condition_variable_any changed_;
  std::deque<std::function<void()>> inbox_;
};

}  // namespace ocisync
