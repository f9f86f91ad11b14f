#pragma once

#include <string>
#include <vector>

#include "app/command.h"
#include "base/environment.h"

namespace ocisync {

// What a command line asks for: a command whose options are filled in, or a text to print.
struct Invocation {
  const Command* command = nullptr;
  std::string text;  // when there is no command: --help or --version
};

// Reads the command line and the environment into the options of the command that was asked for. A
// flag wins over its variable: --foo-bar of the command `sync` is also OCISYNC_FOO_BAR, for every
// command that has the flag. Without a command it is `sync`, whose flags may stand before any
// command; nothing at all asks for help. Throws Error(usage_invalid): one line that says what is
// wrong and what is allowed.
Invocation parse_command_line(const std::vector<Command>& commands, int argc,
                              const char* const* argv, const Environment& environment,
                              const std::vector<std::string>& variable_names);

// One line a command, one line a flag or a few that join; either fits a screen.
std::string help_text(const std::vector<Command>& commands);
std::string help_text(const Command& command);

}  // namespace ocisync
