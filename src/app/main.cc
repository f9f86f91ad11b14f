#include <exception>
#include <string>

#include <fmt/format.h>
#include <unistd.h>

#include "app/commands.h"
#include "app/output.h"
#include "app/wiring.h"
#include "base/error.h"

namespace ocisync {
namespace {

int run(const Options& options) {
  switch (options.command) {
    case Command::help:
      print(options.help_text);
      return 0;
    case Command::version:
      print("ocisync " OCISYNC_VERSION "\n");
      return 0;
    case Command::sync:
      return run_sync(options);
    case Command::validate:
      return run_validate(options);
    case Command::gc:
      return run_gc(options);
    case Command::cache_check:
      return run_cache_check(options);
  }
  return 2;
}

}  // namespace
}  // namespace ocisync

int main(int argc, char** argv) {
  using namespace ocisync;
  try {
    return run(parse_options(argc, argv, environment_variable, environment_names()));
  } catch (const Error& error) {
    std::string text = error.what();
    if (!error.hint().empty())
      text += " (" + error.hint() + ")";
    fmt::print(stderr, "ocisync: {}\n", text);
    return facts(error.reason()).exit_code;
  } catch (const std::exception& error) {
    fmt::print(stderr, "ocisync: unexpected: {}\n", error.what());
    return 1;
  }
}
