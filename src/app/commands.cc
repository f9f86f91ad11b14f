#include "app/commands.h"

#include "app/man_page.h"
#include "app/output.h"

namespace ocisync {
namespace {

struct VersionOptions {
  bool man = false;
};

}  // namespace

Command version_command() {
  return make_command<VersionOptions>(
      "version", "Print the version",
      [](Flags& flags, VersionOptions& into) {
        flags.toggle("print-man", into.man, "the manual page, as man reads it");
      },
      [](const VersionOptions& options) {
        if (options.man) {
          print(man_page(all_commands()));
          return 0;
        }
        print("ocisync " OCISYNC_VERSION " (revision " OCISYNC_REVISION ")\n");
        return 0;
      });
}

std::vector<Command> all_commands() {
  return {sync_command(),
          diff_command(),
          lock_command(),
          validate_command(),
          gc_command(),
          cache_check_command(),
          status_command(),
          probe_command(),
          registry_login_command(),
          registry_logout_command(),
          registry_check_command(),
          chart_save_command(),
          chart_list_command(),
          chart_export_command(),
          chart_push_command(),
          chart_pull_command(),
          chart_remove_command(),
          completion_command(),
          version_command()};
}

}  // namespace ocisync
