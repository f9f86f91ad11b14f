#include <algorithm>
#include <map>
#include <set>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "app/commands.h"
#include "app/output.h"
#include "base/error.h"
#include "base/text.h"

namespace ocisync {
namespace {

struct CompletionOptions {
  std::string shell;
};

// What may follow the words of a command so far: its flags, and the next words of commands.
using Words = std::map<std::string, std::set<std::string>>;

Words next_words(const std::vector<Command>& commands) {
  Words next;
  for (const Command& command : commands) {
    std::string so_far;
    for (const std::string_view word : split(command.path, ' ')) {
      next[so_far].emplace(word);
      so_far += (so_far.empty() ? "" : " ") + std::string(word);
    }
    for (const Flag& flag : command.flags) {
      if (flag.positional) {
        next[so_far].insert(flag.choices.begin(), flag.choices.end());
        continue;
      }
      next[so_far].insert("--" + flag.name);
      if (command.path == "sync")
        next[""].insert("--" + flag.name);
    }
    next[so_far].insert("--help");
  }
  next[""].insert({"--help", "--version"});
  return next;
}

// bash and zsh: the cases that set `candidates` to what may stand after a flag or a command.
std::string cases(const std::vector<Command>& commands) {
  std::string text = "  case \"$asked $before\" in\n";
  for (const Command& command : commands)
    for (const Flag& flag : command.flags) {
      if (flag.positional || flag.value.empty())
        continue;
      std::vector<std::string> patterns;
      for (const std::string& at : {command.path, std::string()}) {
        if (at.empty() && command.path != "sync")
          continue;
        patterns.push_back(fmt::format("\"{} --{}\"", at, flag.name));
        if (flag.letter != '\0')
          patterns.push_back(fmt::format("\"{} -{}\"", at, flag.letter));
      }
      text += fmt::format("    {}) candidates=\"{}\"; value=1 ;;\n", fmt::join(patterns, "|"),
                          fmt::join(flag.choices, " "));
    }
  text += "  esac\n  [ -n \"$value\" ] || case \"$asked\" in\n";
  for (const auto& [path, words] : next_words(commands))
    text += fmt::format("    \"{}\") candidates=\"{}\" ;;\n", path, fmt::join(words, " "));
  return text + "  esac\n";
}

// bash and zsh: reads the words before the cursor into `asked`, the command they name.
std::string walk(const std::vector<Command>& commands) {
  std::set<std::string> paths;
  for (const auto& [path, words] : next_words(commands))
    if (!path.empty())
      paths.insert('"' + path + '"');
  return fmt::format(
      "    case \"${{asked:+$asked }}$one\" in\n"
      "      {}) asked=\"${{asked:+$asked }}$one\" ;;\n    esac\n",
      fmt::join(paths, "|"));
}

std::string bash_completion(const std::vector<Command>& commands) {
  return "# bash completion for ocisync\n_ocisync() {\n"
         "  local word=\"${COMP_WORDS[COMP_CWORD]}\" before=\"${COMP_WORDS[COMP_CWORD-1]}\"\n"
         "  local asked=\"\" candidates=\"\" value=\"\" one\n"
         "  for one in \"${COMP_WORDS[@]:1:COMP_CWORD-1}\"; do\n" +
         walk(commands) + "  done\n" + cases(commands) +
         "  mapfile -t COMPREPLY < <(compgen -W \"$candidates\" -- \"$word\")\n"
         "}\ncomplete -o bashdefault -o default -F _ocisync ocisync\n";
}

std::string zsh_completion(const std::vector<Command>& commands) {
  return "#compdef ocisync\n_ocisync() {\n"
         "  local before=\"${words[CURRENT-1]}\" asked=\"\" candidates=\"\" value=\"\" one\n"
         "  for one in \"${(@)words[2,CURRENT-1]}\"; do\n" +
         walk(commands) + "  done\n" + cases(commands) +
         "  compadd -- ${=candidates} || _files\n}\n"
         "if [ \"$funcstack[1]\" = _ocisync ]; then _ocisync \"$@\"; else compdef _ocisync "
         "ocisync; fi\n";
}

std::string fish_quoted(std::string_view text) {
  std::string quoted = "'";
  for (const char c : text)
    quoted += c == '\'' || c == '\\' ? std::string{'\\', c} : std::string{c};
  return quoted + "'";
}

// When fish offers what belongs to a command. `sync` may go without saying: its flags are offered
// unless another command is there.
std::string fish_condition(const Command& command, const std::set<std::string>& others) {
  if (command.path == "sync")
    return fmt::format("not __fish_seen_subcommand_from {}", fmt::join(others, " "));
  std::string seen;
  for (const std::string_view word : split(command.path, ' '))
    seen += fmt::format("{}__fish_seen_subcommand_from {}", seen.empty() ? "" : "; and ", word);
  return seen;
}

std::string fish_completion(const std::vector<Command>& commands) {
  std::set<std::string> others;
  for (const Command& command : commands)
    if (command.path != "sync")
      others.emplace(split(command.path, ' ').front());

  std::string text =
      "# fish completion for ocisync\n"
      "complete -c ocisync -s h -l help -d 'Print what there is to know'\n"
      "complete -c ocisync -n __fish_use_subcommand -l version -d 'Print the version'\n";
  for (const Command& command : commands) {
    const std::vector<std::string_view> words = split(command.path, ' ');
    const std::string seen = fish_condition(command, others);
    const std::string before = words.size() == 1
                                   ? "__fish_use_subcommand"
                                   : fmt::format("__fish_seen_subcommand_from {}", words.front());
    if (words.size() > 1)
      text += fmt::format("complete -c ocisync -n __fish_use_subcommand -a {}\n", words.front());
    text += fmt::format("complete -c ocisync -f -n '{}' -a {} -d {}\n", before, words.back(),
                        fish_quoted(command.summary));
    for (const Flag& flag : command.flags) {
      const std::string choices =
          flag.choices.empty() ? "" : fmt::format(" -x -a '{}'", fmt::join(flag.choices, " "));
      if (flag.positional) {
        if (!flag.choices.empty())
          text += fmt::format("complete -c ocisync -n '{}'{}\n", seen, choices);
        continue;
      }
      text += fmt::format("complete -c ocisync -n '{}' -l {}{}{}{} -d {}\n", seen, flag.name,
                          flag.letter == '\0' ? "" : fmt::format(" -s {}", flag.letter),
                          flag.value.empty() ? "" : " -r", choices, fish_quoted(flag.help));
    }
  }
  return text;
}

}  // namespace

Command completion_command() {
  return make_command<CompletionOptions>(
      "completion", "Print what makes a shell complete ocisync's words",
      [](Flags& flags, CompletionOptions& into) {
        Flag& shell = flags.positional("SHELL", into.shell, "bash, zsh or fish");
        shell.choices = {"bash", "zsh", "fish"};
      },
      [](const CompletionOptions& options) {
        const std::vector<Command> commands = all_commands();
        if (options.shell == "bash")
          print(bash_completion(commands));
        else if (options.shell == "zsh")
          print(zsh_completion(commands));
        else if (options.shell == "fish")
          print(fish_completion(commands));
        else
          throw Error(Reason::usage_invalid,
                      fmt::format("'{}' is no shell of bash, zsh, fish", printable(options.shell)));
        return 0;
      });
}

}  // namespace ocisync
