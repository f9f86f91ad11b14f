#include "app/command_line.h"

#include <algorithm>
#include <deque>
#include <map>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "base/error.h"
#include "base/text.h"

namespace ocisync {
namespace {

constexpr std::string_view kDefaultCommand = "sync";
constexpr std::size_t kFlagColumns = 31;  // a wider flag pushes its text to the right

const Command& find_command(const std::vector<Command>& commands, std::string_view path) {
  return *std::find_if(commands.begin(), commands.end(),
                       [&](const Command& command) { return command.path == path; });
}

const Flag* find_flag(const Command& command, std::string_view name) {
  const auto found =
      std::find_if(command.flags.begin(), command.flags.end(),
                   [&](const Flag& flag) { return !flag.positional && flag.name == name; });
  return found == command.flags.end() ? nullptr : &*found;
}

std::string variable_of(std::string_view flag) {
  std::string name = "OCISYNC_";
  for (const char c : flag)
    name += c == '-' ? '_' : static_cast<char>(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
  return name;
}

// What was given on the command line, by flag name; positionals by theirs.
using Given = std::map<std::string, std::vector<std::string>>;

// The commands as CLI11 knows them. Options keep pointers into this object, so it stays in place.
class Grammar {
 public:
  explicit Grammar(const std::vector<Command>& commands) {
    app_.set_help_flag();
    app_.add_flag("-h,--help", help_);
    app_.add_flag("--version", version_);
    declare(find_command(commands, kDefaultCommand), app_, before_);
    for (const Command& command : commands) {
      CLI::App& app = nested(command.path);
      Asked& asked = asked_.emplace_back(Asked{&command, &app, {}});
      declare(command, app, asked.given);
    }
  }

  Grammar(const Grammar&) = delete;
  Grammar& operator=(const Grammar&) = delete;

  struct Asked {
    const Command* command;
    CLI::App* app;
    Given given;
  };

  void parse(int argc, const char* const* argv) { app_.parse(argc, argv); }

  // Null: no command was named.
  const Asked* named() const {
    const auto found = std::find_if(asked_.begin(), asked_.end(),
                                    [](const Asked& asked) { return asked.app->parsed(); });
    return found == asked_.end() ? nullptr : &*found;
  }

  const Given& before() const { return before_; }

  bool help() const { return help_; }

  bool version() const { return version_; }

 private:
  CLI::App& nested(const std::string& path) {
    CLI::App* app = &app_;
    std::string so_far;
    for (const std::string_view word : split(path, ' ')) {
      so_far += (so_far.empty() ? "" : " ") + std::string(word);
      CLI::App*& next = groups_[so_far];
      if (next == nullptr) {
        app->require_subcommand(app == &app_ ? 0 : 1, 1);
        next = app->add_subcommand(std::string(word));
        next->set_help_flag();
        next->add_flag("-h,--help", help_);
      }
      app = next;
    }
    return *app;
  }

  static void declare(const Command& command, CLI::App& app, Given& given) {
    for (const Flag& flag : command.flags) {
      const auto take = [&given, name = flag.name](const CLI::results_t& values) {
        given[name] = values;
        return true;
      };
      if (flag.value.empty()) {
        app.add_flag_callback("--" + flag.name, [take] { take({"true"}); });
        continue;
      }
      const std::string dashes = flag.positional ? "" : "--";
      const std::string letter = flag.letter == '\0' ? "" : fmt::format("-{},", flag.letter);
      CLI::Option* const option = app.add_option(letter + dashes + flag.name, take);
      if (flag.required)
        option->required();
      if (flag.repeats && flag.positional)
        option->expected(-1)->take_all();
      else if (flag.repeats)
        option->delimiter(',')->expected(1)->take_all()->allow_extra_args(false);
    }
  }

  CLI::App app_;
  bool help_ = false, version_ = false;
  Given before_;
  std::map<std::string, CLI::App*> groups_;  // by path, "registry" included
  std::deque<Asked> asked_;
};

std::vector<std::string> variable_value(const Flag& flag, const std::string& text) {
  if (!flag.repeats)
    return {text};
  std::vector<std::string> values;
  for (const std::string_view part : split(text, ','))
    values.emplace_back(trim(part));
  return values;
}

// A misspelt variable is easy to miss; what Kubernetes injects for a Service of our name is not
// ours.
std::vector<std::string> unknown_variables(const Command& sync,
                                           const std::vector<std::string>& names) {
  std::vector<std::string> unknown;
  for (const std::string& name : names) {
    const bool service = name.ends_with("_SERVICE_HOST") || name.ends_with("_PORT") ||
                         name.find("_SERVICE_PORT") != std::string::npos ||
                         name.find("_PORT_") != std::string::npos;
    const bool known = std::any_of(sync.flags.begin(), sync.flags.end(),
                                   [&](const Flag& f) { return variable_of(f.name) == name; });
    if (name.starts_with("OCISYNC_") && !service && !known)
      unknown.push_back(printable(name));
  }
  return unknown;
}

void fill(const Command& command, const Command& sync, const Given& given, const Given& before,
          const Environment& environment) {
  for (const auto& [name, values] : before)
    if (find_flag(command, name) == nullptr)
      throw Error(Reason::usage_invalid,
                  fmt::format("--{} does not go with '{}' (see ocisync {} --help)", name,
                              command.path, command.path));
  const auto note = [&](const Flag& flag, std::string origin) {
    if (command.origins != nullptr)
      (*command.origins)[flag.name] = std::move(origin);
  };
  for (const Flag& flag : command.flags) {
    if (const auto found = given.find(flag.name); found != given.end()) {
      flag.set(found->second);
      note(flag, "flag --" + flag.name);
      continue;
    }
    if (flag.positional)
      continue;
    if (const auto found = before.find(flag.name); found != before.end()) {
      flag.set(found->second);
      note(flag, "flag --" + flag.name);
      continue;
    }
    if (!flag.variable || find_flag(sync, flag.name) == nullptr)
      continue;
    if (const auto value = environment(variable_of(flag.name)); value && !value->empty()) {
      flag.set(variable_value(flag, *value));
      note(flag, "environment " + variable_of(flag.name));
    }
  }
}

std::string flag_words(const Flag& flag) {
  if (flag.positional)
    return flag.name + (flag.repeats ? "..." : "");
  const std::string letter = flag.letter == '\0' ? "    " : fmt::format("-{}, ", flag.letter);
  return fmt::format("{}--{}", letter, flag.name);
}

std::string flag_line(const Flag& flag) {
  return flag_words(flag) + (flag.value.empty() || flag.positional ? "" : " " + flag.value);
}

}  // namespace

Invocation parse_command_line(const std::vector<Command>& commands, int argc,
                              const char* const* argv, const Environment& environment,
                              const std::vector<std::string>& variable_names) {
  const Command& sync = find_command(commands, kDefaultCommand);
  Grammar grammar(commands);
  try {
    grammar.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    // What is missing does not matter to somebody who asks for help.
    if (!grammar.help())
      throw Error(Reason::usage_invalid,
                  fmt::format("{} (see ocisync --help)", printable(error.what())));
  }
  const Grammar::Asked* const asked = grammar.named();
  const bool configured = environment("OCISYNC_CONFIG").value_or("") != "";
  if (grammar.help() || (asked == nullptr && !grammar.version() && argc == 1 && !configured))
    return {nullptr, asked == nullptr ? help_text(commands) : help_text(*asked->command)};
  if (asked == nullptr && grammar.version())
    return {&find_command(commands, "version"), ""};
  const Command& command = asked == nullptr ? sync : *asked->command;
  fill(command, sync, asked == nullptr ? Given{} : asked->given, grammar.before(), environment);
  if (command.unknown_variables != nullptr)
    *command.unknown_variables = unknown_variables(sync, variable_names);
  return {&command, ""};
}

std::string help_text(const std::vector<Command>& commands) {
  std::size_t width = 0;
  for (const Command& command : commands)
    width = std::max(width, command.path.size());
  std::string text =
      "ocisync keeps Helm charts from OCI registries as directories on a volume.\n"
      "usage: ocisync [sync] --config charts.yaml\n"
      "       ocisync COMMAND [flags]; COMMAND --help lists them\n\n";
  for (const Command& command : commands)
    text += fmt::format("  {:<{}}  {}\n", command.path, width, command.summary);
  return text;
}

std::string help_text(const Command& command) {
  std::string usage = fmt::format("usage: ocisync {}", command.path);
  std::vector<std::pair<std::string, std::string>> lines;  // flags, and what they are for
  std::string words;  // of the line's flags, without their values
  std::size_t width = 0;
  for (const Flag& flag : command.flags) {
    if (flag.positional)
      usage += flag.required ? " " + flag_line(flag) : fmt::format(" [{}]", flag_line(flag));
    const std::string& purpose = flag.brief.empty() ? flag.help : flag.brief;
    if (flag.joins) {
      words += ", --" + flag.name;
      lines.back().first = words;
      lines.back().second += "; " + purpose;
    } else {
      words = flag_words(flag);
      lines.emplace_back(flag_line(flag), purpose);
    }
  }
  for (const auto& [flags, purpose] : lines)
    width = std::max(width, std::min(flags.size(), kFlagColumns));
  const std::string_view note =
      command.path == "sync" ? "; --log-level is OCISYNC_LOG_LEVEL too, and so on" : "";
  std::string text = fmt::format("{}\n{} [flags]{}\n\n", command.summary, usage, note);
  for (const auto& [flags, purpose] : lines)
    text += fmt::format("  {:<{}}  {}\n", flags, width, purpose);
  return text;
}

}  // namespace ocisync
