#include <exception>
#include <string>

#include <fmt/format.h>

#include "app/command_line.h"
#include "app/commands.h"
#include "app/output.h"
#include "base/environment.h"
#include "base/error.h"

int main(int argc, char** argv) {
  using namespace ocisync;
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
    fmt::print(stderr, "ocisync: {}\n", text);
    return facts(error.reason()).exit_code;
  } catch (const std::exception& error) {
    fmt::print(stderr, "ocisync: unexpected: {}\n", error.what());
    return 1;
  }
}
