#include <fmt/format.h>

#include "app/commands.h"
#include "app/options.h"
#include "app/output.h"
#include "app/wiring.h"
#include "base/document.h"
#include "base/json.h"
#include "base/text.h"
#include "reconcile/housekeeping.h"
#include "store/layout_index.h"
#include "store/sweep.h"

namespace ocisync {
namespace {

struct GcOptions {
  SpecOptions spec;
  LogOptions log;
  std::optional<OutputFormat> output;
  bool all = false;
  bool dry_run = false;
};

void declare_gc(Flags& flags, GcOptions& options) {
  declare_cache(flags, options.spec);
  flags.toggle("all", options.all, "Whatever its age (but never younger than an hour)").brief =
      "Whatever its age, from an hour on";
  flags.toggle("dry-run", options.dry_run, "Only say what would go");
  declare_output(flags, options.output);
  declare(flags, options.log);
}

int run_gc(const GcOptions& options) {
  const auto log = make_log(options.log);
  const Spec spec = load_spec_if_given(options.spec, *log);
  const CacheSpec& settings = spec.cache;
  const RealClock clock;
  const Volume volume = Volume::open(cache_path(options.spec, spec),
                                     settings.group_write ? kGroupModes : kDefaultModes);
  SweepPolicy policy;
  policy.min_age = settings.min_age;
  policy.max_size = settings.max_size;
  policy.everything_unnamed = options.all;
  policy.dry_run = options.dry_run;
  const SweepReport report = sweep(volume, policy, clock.wall());
  tell_of_roots(report, *log);
  if (!options.dry_run && report.removed_references + report.removed_blobs > 0)
    rebuild_layout_index(volume, ReferenceStore(volume));
  if (options.output == OutputFormat::json) {
    Json document = document_of_kind("GcResult");
    document.set("dryRun", options.dry_run);
    document.set("removedBlobs", report.removed_blobs);
    document.set("removedBytes", report.removed_bytes);
    document.set("removedReferences", report.removed_references);
    document.set("keptBlobs", report.kept_blobs);
    document.set("keptBytes", report.kept_bytes);
    print(document.dump(2) + "\n");
  } else {
    print(fmt::format("{} {} blobs ({}) and {} references; {} blobs ({}) stay\n",
                      options.dry_run ? "would remove" : "removed", report.removed_blobs,
                      human_size(report.removed_bytes), report.removed_references,
                      report.kept_blobs, human_size(report.kept_bytes)));
  }
  return 0;
}

}  // namespace

Command gc_command() {
  return make_command<GcOptions>("gc", "Remove cache content that nothing names", declare_gc,
                                 run_gc);
}

}  // namespace ocisync
