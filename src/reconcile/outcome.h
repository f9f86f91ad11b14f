#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "oci/digest.h"

namespace ocisync {

enum class ChartState { updated, unchanged, repaired, removed, failed, suspended, skipped };
std::string_view to_string(ChartState state);

// The message of a chart whose turn never came.
inline constexpr std::string_view kNeverStarted = "the run ended before its turn";

// What became of one chart in one pass. `reason` to `http_status` are set when it failed.
struct Outcome {
  std::string name;
  std::string reference;           // as resolved: with the tag a range chose
  std::string version;             // Chart.yaml's
  std::optional<Digest> digest;    // of the chart's manifest that is exported now
  std::optional<Digest> previous;  // what it replaced
  std::vector<Digest> missing;     // blobs that the cache had not got; where charts end in it
  ChartState state = ChartState::skipped;
  bool required = true;
  bool selected = true;   // false: --only left it out
  bool in_place = false;  // the wanted revision is exported, or a recent enough one
  // Layout snapshot: accepted, not shown yet; the switch decides `in_place` and `intact`.
  bool awaits_generation = false;
  bool intact = false;           // what `digest` names stands at the export path unharmed
  std::optional<Reason> reason;  // also rolled_back, of a chart that did not fail
  std::string message;           // one line: why it failed, or why it was done
  std::string hint;
  std::string stage;
  int http_status = 0;
  std::optional<SteadyTime> not_before;  // of a failure: no sooner than this (Retry-After)
  unsigned attempts = 0;
  std::uint64_t requests = 0;
  std::uint64_t bytes = 0;
  Duration duration{0};
  std::string export_path;  // absolute
};

// The chart failed with `error`, made fit to be shown.
void record_failure(Outcome& outcome, const Error& error);

// One pass over the spec, finished.
struct PassResult {
  std::string spec_name;
  std::string spec_hash;
  WallTime started;
  Duration duration{0};
  std::vector<Outcome> charts;          // in the order of the spec, then what was withdrawn
  std::vector<std::string> hooks_owed;  // names of publish hooks that did not succeed
};

// The code of a run that would have ended with `code` and met one more required failure: of several
// one that a retry may help wins over one that it cannot.
int graver_exit_code(int code, Reason reason);

// The exit code of a one-shot run (the table of the README): 0 when every required chart is in
// place, else that of its failures.
int exit_code(const PassResult& result);

}  // namespace ocisync
