#include <fmt/format.h>

#include "app/commands.h"
#include "app/options.h"
#include "app/output.h"
#include "app/result.h"
#include "app/show_spec.h"
#include "app/wiring.h"
#include "spec/load.h"

namespace ocisync {

namespace {

struct ValidateOptions {
  SpecOptions spec;
  LogOptions log;
  bool show = false;
  bool print_schema = false;
  bool print_reference = false;
  bool print_result_schema = false;
};

void declare_validate(Flags& flags, ValidateOptions& options) {
  declare(flags, options.spec);
  flags.toggle("show", options.show, "Print the effective spec and where each value comes from")
      .brief = "Print the effective spec, and who says so";
  flags.toggle("print-schema", options.print_schema, "Print the spec's JSON Schema");
  flags.toggle("print-reference", options.print_reference, "Print every field with its default");
  flags
      .toggle("print-result-schema", options.print_result_schema,
              "Print the JSON Schema of what sync -o json prints")
      .brief = "Print the JSON Schema of sync -o json";
  declare(flags, options.log);
}

int run_validate(const ValidateOptions& options) {
  if (options.print_schema) {
    print(spec_json_schema());
    return 0;
  }
  if (options.print_reference) {
    print(spec_reference_page());
    return 0;
  }
  if (options.print_result_schema) {
    print(result_json_schema());
    return 0;
  }
  const auto log = make_log(options.log);
  require_config(options.spec);
  const auto sources = read_spec_sources(options.spec.config);
  const Spec spec = load_effective_spec(options.spec, sources, *log);
  if (options.show) {
    print(shown_spec(sources, options.spec, spec));
    return 0;
  }
  print(fmt::format("{}: {} charts, {} registries: valid\n", spec.name, spec.charts.size(),
                    spec.registries.size()));
  return 0;
}

}  // namespace

Command validate_command() {
  return make_command<ValidateOptions>("validate", "Check the spec alone: no network, no volume",
                                       declare_validate, run_validate);
}

}  // namespace ocisync
