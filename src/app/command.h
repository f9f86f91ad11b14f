#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"

namespace ocisync {

// One flag or positional of a command, as data: the parser, the environment variables, --help and
// the completion are all made from it.
struct Flag {
  std::string name;   // without dashes; of a positional, what --help calls it
  std::string value;  // what --help calls its value; empty: a switch
  std::string help;
  std::string brief;   // in its place where a screen is all there is; empty: `help` is short enough
  bool joins = false;  // stands in --help on the line of the flag before it
  char letter = '\0';  // -c
  std::vector<std::string> choices;  // all it takes; empty: anything
  bool repeats = false;              // may be given again, and takes a comma-separated list
  bool positional = false;
  bool required = false;  // of a positional
  bool variable = true;   // also read from OCISYNC_NAME, if sync has a flag of that name
  // Takes what was given, which is never empty. Throws Error(usage_invalid).
  std::function<void(const std::vector<std::string>&)> set;
};

// Collects the flags of one command. Every target must outlive the command that is made of it.
class Flags {
 public:
  Flag& toggle(std::string name, bool& into, std::string help);
  Flag& text(std::string name, std::string value, std::optional<std::string>& into,
             std::string help);
  Flag& path(std::string name, std::string value, std::optional<std::filesystem::path>& into,
             std::string help);
  Flag& duration(std::string name, std::optional<Duration>& into, std::string help);
  Flag& count(std::string name, std::optional<unsigned>& into, unsigned least, unsigned most,
              std::string help);
  Flag& list(std::string name, std::string value, std::vector<std::string>& into, std::string help);

  template <typename T>
  Flag& choice(std::string name, std::optional<T>& into,
               std::vector<std::pair<std::string, T>> names, std::string help);

  // In the order of the calls.
  Flag& positional(std::string name, std::string& into, std::string help);
  Flag& positionals(std::string name, std::vector<std::string>& into, std::string help);

  // Where the names of OCISYNC_ variables go that are nobody's.
  void unknown_variables(std::vector<std::string>& into) { unknown_variables_ = &into; }

  // Where it goes how each flag was given, by name: "flag --x" or "environment OCISYNC_X".
  void origins(std::map<std::string, std::string>& into) { origins_ = &into; }

  // What was declared.
  std::vector<Flag> take() { return std::move(flags_); }

  std::vector<std::string>* unknown_variables() const { return unknown_variables_; }

  std::map<std::string, std::string>* origins() const { return origins_; }

 private:
  Flag& add(std::string name, std::string value, std::string help,
            std::function<void(const std::string&)> set);
  Flag& add_choice(std::string name, std::vector<std::string> names, std::string help,
                   std::function<void(std::size_t)> set);

  std::vector<Flag> flags_;
  std::vector<std::string>* unknown_variables_ = nullptr;
  std::map<std::string, std::string>* origins_ = nullptr;
};

// One command: what it prints goes to stdout, the log to stderr. `run` returns the exit code and
// throws Error for what ends the command as a whole.
struct Command {
  std::string path;     // "registry login"
  std::string summary;  // one line, for --help
  std::vector<Flag> flags;
  std::vector<std::string>* unknown_variables = nullptr;  // see Flags; may be null
  std::map<std::string, std::string>* origins = nullptr;  // likewise
  std::function<int()> run;
};

// A command that keeps its options in a struct of its own: `declare` says which flag fills which
// member, `run` reads them.
template <typename Options>
Command make_command(std::string path, std::string summary, void (*declare)(Flags&, Options&),
                     int (*run)(const Options&)) {
  const auto options = std::make_shared<Options>();
  Flags flags;
  declare(flags, *options);
  return {.path = std::move(path),
          .summary = std::move(summary),
          .flags = flags.take(),
          .unknown_variables = flags.unknown_variables(),
          .origins = flags.origins(),
          .run = [options, run] { return run(*options); }};
}

template <typename T>
Flag& Flags::choice(std::string name, std::optional<T>& into,
                    std::vector<std::pair<std::string, T>> names, std::string help) {
  std::vector<std::string> words;
  for (const auto& [word, value] : names)
    words.push_back(word);
  return add_choice(std::move(name), std::move(words), std::move(help),
                    [&into, names = std::move(names)](std::size_t i) { into = names[i].second; });
}

}  // namespace ocisync
