#include "app/chart_cache.h"
#include "app/commands.h"
#include "app/output.h"
#include "app/wiring.h"
#include "base/document.h"
#include "base/error.h"
#include "store/layout_index.h"
#include "store/roots.h"

namespace ocisync {
namespace {

void declare_chart_remove(Flags& flags, ChartOptions& options) {
  declare_reference(flags, options);
  declare(flags, options);
}

// Its blobs stay: another reference may lead to them, and if none does gc takes them.
int run_chart_remove(const ChartOptions& options) {
  const auto log = make_log(options.log);
  const Spec spec = load_spec_if_given(options.spec, *log);
  const Reference reference = chart_reference(options.reference, *log);
  if (!Volume::open_read_only(cache_path(options.spec, spec)))
    require_saved_chart(nullptr, reference);
  const auto cache = ChartCache::create(options.spec, spec, *log);
  const bool was_there = cache->references().remove(reference);
  if (!unpin(cache->volume(), reference) && !was_there)
    require_saved_chart(nullptr, reference);
  rebuild_layout_index(cache->volume(), cache->references());
  if (options.output == OutputFormat::json) {
    Json document = document_of_kind("ChartResult");
    document.set("action", "remove");
    document.set("ref", reference.str());
    print(document.dump(2) + "\n");
  } else {
    print(tag_text(reference) + ": removed\n");
  }
  return 0;
}

}  // namespace

Command chart_remove_command() {
  return make_command<ChartOptions>("chart remove", "Withdraw a chart from the cache",
                                    declare_chart_remove, run_chart_remove);
}

}  // namespace ocisync
