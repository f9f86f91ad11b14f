#include <fmt/format.h>

#include "app/commands.h"
#include "app/output.h"
#include "app/wiring.h"
#include "spec/load.h"

namespace ocisync {

int run_validate(const Options& options) {
  if (options.print_schema) {
    print(spec_json_schema());
    return 0;
  }
  if (options.print_reference) {
    print(spec_reference_page());
    return 0;
  }
  const auto log = make_log(options);
  const Spec spec = load_effective_spec(options, *log);
  print(fmt::format("{}: {} charts, {} registries: valid\n", spec.name, spec.charts.size(),
                    spec.registries.size()));
  return 0;
}

}  // namespace ocisync
