#pragma once

#include <vector>

#include "app/command.h"

namespace ocisync {

// Each in the room of its name.
Command sync_command();
Command diff_command();
Command lock_command();
Command validate_command();
Command gc_command();
Command cache_check_command();
Command registry_check_command();
Command status_command();
Command probe_command();
Command chart_save_command();
Command chart_list_command();
Command chart_export_command();
Command chart_remove_command();
Command chart_push_command();
Command chart_pull_command();
Command registry_login_command();
Command registry_logout_command();
Command completion_command();
Command version_command();

// All of them, in the order of --help.
std::vector<Command> all_commands();

}  // namespace ocisync
