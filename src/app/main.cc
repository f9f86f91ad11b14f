#include <cstdio>
#include <exception>
#include <string>

#include <fmt/format.h>

#include "app/command_line.h"
#include "app/commands.h"
#include "app/output.h"
#include "base/environment.h"
#include "base/error.h"
#include "base/memory.h"

namespace {

// One line; a stderr that takes nothing changes no exit code.
void say(const std::string& text) { std::fputs(("ocisync: " + text + "\n").c_str(), stderr); }

}  // namespace

int main(int argc, char** argv) {
  using namespace ocisync;
  occupy_closed_descriptors();
  share_heaps();
  try {
    const std::vector<Command> commands = all_commands();
    const Invocation asked =
        parse_command_line(commands, argc, argv, process_variable, process_variable_names());
    if (asked.command != nullptr)
      return asked.command->run();
    print(asked.text);
    return 0;
  } catch (const Error& error) {
    std::string text = error.what();
    if (!error.hint().empty())
      text += " (" + error.hint() + ")";
    say(text);
    return facts(error.reason()).exit_code;
  } catch (const std::exception& error) {
    say(fmt::format("unexpected: {}", error.what()));
    return 1;
  }
}
