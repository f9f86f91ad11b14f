#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "base/guarded.h"
#include "oci/digest.h"

namespace ocisync {

// How an attempt to bring a chart up to date ended; the words of `syncs_total`.
enum class SyncResult { updated, unchanged, repaired, failed };
inline constexpr std::array kSyncResults{SyncResult::updated, SyncResult::unchanged,
                                         SyncResult::repaired, SyncResult::failed};
std::string_view to_string(SyncResult result);

// What the spec asks for.
struct BoardChart {
  std::string name{};
  std::string ref{};    // as written in the spec
  std::string range{};  // the version range, as written; empty when ref names a tag or digest
  bool required = true;
  bool suspended = false;  // by itself, or because the whole spec is
  Duration interval{0};
  std::string export_path{};  // absolute

  friend bool operator==(const BoardChart&, const BoardChart&) = default;
};

// One attempt, finished.
struct SyncReport {
  SyncResult result = SyncResult::failed;
  std::string version{};           // of what is exported now
  std::optional<Digest> digest{};  // of the manifest that is exported now; absent: nothing is
  bool in_place = false;           // the wanted revision is exported, or a recent enough one
  std::optional<Reason> reason{};  // of a failure, or rolled_back
  std::string message{};           // one line: why it failed, or why it was done
  std::optional<bool> verified{};  // absent: no policy asked for it, or it did not come to that
};

enum class ConditionStatus : std::uint8_t { unknown, no, yes };
std::string_view to_string(ConditionStatus status);  // Unknown, False, True

// A condition by the conventions of Kubernetes: `since` moves only when the status does.
struct Condition {
  ConditionStatus status = ConditionStatus::unknown;
  WallTime since{};
};

// What was counted since the process started.
struct SyncCounts {
  std::array<std::uint64_t, kSyncResults.size()> results{};  // in the order of kSyncResults
  std::vector<std::pair<Reason, std::uint64_t>> failures;    // those that occurred, in any order
};

// What is known of one chart. Immutable once it is on the board.
struct ChartStatus {
  BoardChart wanted;
  std::string version;
  std::optional<Digest> digest;      // exported and intact when last looked at
  std::optional<SyncResult> result;  // of the last attempt that ended
  std::optional<Reason> reason;      // of the last attempt, if it failed; or rolled_back
  std::string message;               // of the last attempt
  bool in_place = false;
  Condition ready;        // in place
  Condition reconciling;  // being worked on, or about to be tried again after a failure
  Condition stalled;      // only a change of spec, credentials or registry content helps
  Condition verified;     // unknown unless a policy asks for it
  bool under_way = false;
  std::optional<WallTime> last_attempt;
  std::optional<WallTime> last_success;
  std::optional<WallTime> next_attempt;
  unsigned failures = 0;  // in a row
  SyncCounts counts;
};

struct ReloadState {
  bool successful = true;
  std::string message;  // why the last one was refused
  WallTime last_success{};
  std::uint64_t accepted = 0;  // since the process started, the first load not counted
  std::uint64_t refused = 0;
};

// What an earlier process left in the status file (status_document.h reads it), by chart name.
using StatusMemory = std::map<std::string, ChartStatus, std::less<>>;

// The board at one moment.
struct BoardSnapshot {
  std::string owner;
  std::string spec_hash;  // of the spec that is being followed; empty before the first
  std::vector<std::shared_ptr<const ChartStatus>> charts;  // in the order of the spec
  SyncCounts totals;     // of all charts, those that left included
  bool started = false;  // every required chart had an intact export at one moment; stays
  bool stopping = false;
  ReloadState reload;
  std::uint64_t revision = 0;  // grows with every change but the heartbeat
  WallTime changed{};
  WallTime heartbeat{};
  Duration heartbeat_age{0};
};

// The one place that knows how things stand: the reconciler writes what happens to it, the
// endpoints, metrics and the status file read snapshots of it. A name that is not on the board is
// ignored: the chart left the spec while it was worked on. Safe from any thread.
class StatusBoard {
 public:
  StatusBoard(const Clock& clock, std::string owner, StatusMemory memory = {});

  // A spec is followed from now on, the first or a new one. Charts that stay keep what is known of
  // them, new ones what the memory has; where ref or range differ, nothing counts but the export.
  void set_charts(std::vector<BoardChart> charts, std::string spec_hash);
  // A new spec was read, and is followed as soon as what it overtakes has ended; or it was refused,
  // and the old one stays. What was said last counts.
  void reload_accepted();
  void reload_refused(std::string message);

  // At the start: an earlier process left this export and it is intact.
  void export_found(std::string_view name, std::string version, const Digest& digest);
  void attempt_began(std::string_view name);
  // A cancelled attempt leaves everything as it was before.
  void attempt_ended(std::string_view name, SyncReport report);
  void attempt_planned(std::string_view name, WallTime next);

  void beat();  // the reconciler's own thread is alive
  void stop();  // a signal asked us to end

  BoardSnapshot snapshot() const;
  std::uint64_t revision() const;

 private:
  struct State {
    BoardSnapshot now;
    StatusMemory memory;  // until the first charts took what is theirs
    std::unordered_map<std::string, std::size_t> index;
    std::size_t missing = 0;  // charts that keep the sidecar from having started
    SteadyTime heartbeat{};
  };

  ChartStatus introduce(State& state, BoardChart wanted, WallTime now) const;
  void touch(State& state) const;
  template <typename Act>
  void change(std::string_view name, Act&& act);

  const Clock& clock_;
  Guarded<State> state_;
};

}  // namespace ocisync
