#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "export/snapshot.h"
#include "reconcile/chart_task.h"
#include "reconcile/outcome.h"

namespace ocisync {

// What a switch depends on, beside the volume.
struct SwitchWork {
  bool prune = true;                 // charts that left the spec are not in the next generation
  std::vector<std::string> failing;  // required charts, by name
};

// What `current` shows after all.
struct SwitchReport {
  std::shared_ptr<const Generation> before, now;  // null: nothing
  std::optional<std::uint64_t> pinned;            // to this generation, by a rollback
  std::optional<Error>
      error;  // why it does not show what was accepted: generation_held, or what failed

  bool switched() const { return now && (!before || before->number != now->number); }
};

// Layout snapshot: shows the newest accepted revision of every chart, all at once, if it may: not
// while it is rolled back, not before every required chart was accepted once, and with
// keepGeneration not while a required chart fails. Hooks are owed before the rename. Does nothing
// when it is shown already, or the spec is suspended. Any thread, one at a time; never throws.
SwitchReport switch_generation(const Rooms& rooms, const SwitchWork& work);

// The pin of a rollback, unless it was made for another spec or its generation is lost.
std::optional<Pin> standing_pin(const Spec& spec, const Publisher& publisher);

// Why nothing switches; absent: it may. `shown` is null when nothing is; `missing` are the required
// charts of which no revision was ever accepted, `failing` those that fail.
std::optional<std::string> why_held(const Spec& spec, const Generation* shown,
                                    const std::vector<std::string>& missing,
                                    const std::vector<std::string>& failing);

// Says of a chart that waits for a generation what became of it. `path` is its export path.
void settle_after_switch(const SwitchReport& report, const std::string& path, Outcome& outcome);

}  // namespace ocisync
