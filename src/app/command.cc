#include "app/command.h"

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/error.h"
#include "base/text.h"
#include "spec/quantity.h"

namespace ocisync {
namespace {

[[noreturn]] void refuse(const std::string& name, const std::string& text,
                         std::string_view wanted) {
  throw Error(Reason::usage_invalid,
              fmt::format("--{}: '{}' is not {}", name, printable(text), wanted));
}

}  // namespace

Flag& Flags::add(std::string name, std::string value, std::string help,
                 std::function<void(const std::string&)> set) {
  Flag flag;
  flag.name = std::move(name);
  flag.value = std::move(value);
  flag.help = std::move(help);
  flag.set = [set = std::move(set)](const std::vector<std::string>& given) { set(given.back()); };
  flags_.push_back(std::move(flag));
  return flags_.back();
}

Flag& Flags::add_choice(std::string name, std::vector<std::string> names, std::string help,
                        std::function<void(std::size_t)> set) {
  Flag& flag = add(name, fmt::format("{}", fmt::join(names, "|")), std::move(help),
                   [name, names, set = std::move(set)](const std::string& text) {
                     const auto found = std::find(names.begin(), names.end(), text);
                     if (found == names.end())
                       refuse(name, text, fmt::format("one of {}", fmt::join(names, ", ")));
                     set(static_cast<std::size_t>(found - names.begin()));
                   });
  flag.choices = std::move(names);
  return flag;
}

Flag& Flags::toggle(std::string name, bool& into, std::string help) {
  // From the command line a switch comes without a value, from the environment with one.
  return add(name, "", std::move(help), [name, &into](const std::string& text) {
    const std::string word = lower(text);
    if (word != "true" && word != "1" && word != "false" && word != "0")
      refuse(name, text, "true or false");
    into = word == "true" || word == "1";
  });
}

Flag& Flags::text(std::string name, std::string value, std::optional<std::string>& into,
                  std::string help) {
  return add(std::move(name), std::move(value), std::move(help),
             [&into](const std::string& text) { into = text; });
}

Flag& Flags::path(std::string name, std::string value, std::optional<std::filesystem::path>& into,
                  std::string help) {
  return add(name, std::move(value), std::move(help), [name, &into](const std::string& text) {
    if (text.empty())
      refuse(name, text, "a path");
    into = text;
  });
}

Flag& Flags::duration(std::string name, std::optional<Duration>& into, std::string help) {
  return add(name, "DURATION", std::move(help), [name, &into](const std::string& text) {
    into = parse_duration(text);
    if (!into)
      refuse(name, text, "a duration (like 30s, 5m, 1h30m)");
  });
}

Flag& Flags::count(std::string name, std::optional<unsigned>& into, unsigned least, unsigned most,
                   std::string help) {
  return add(name, "N", std::move(help), [name, &into, least, most](const std::string& text) {
    const bool digits =
        !text.empty() && text.size() <= 9 &&
        std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
    const unsigned long value = digits ? std::stoul(text) : 0;
    if (!digits || value < least || value > most)
      refuse(name, text, fmt::format("a number from {} to {}", least, most));
    into = static_cast<unsigned>(value);
  });
}

Flag& Flags::list(std::string name, std::string value, std::vector<std::string>& into,
                  std::string help) {
  Flag& flag = add(std::move(name), std::move(value), std::move(help), {});
  flag.repeats = true;
  flag.set = [&into](const std::vector<std::string>& given) { into = given; };
  return flag;
}

Flag& Flags::positional(std::string name, std::string& into, std::string help) {
  Flag& flag = add(name, name, std::move(help), [&into](const std::string& text) { into = text; });
  flag.positional = true;
  flag.required = true;
  return flag;
}

Flag& Flags::positionals(std::string name, std::vector<std::string>& into, std::string help) {
  Flag& flag = list(name, name, into, std::move(help));
  flag.positional = true;
  return flag;
}

}  // namespace ocisync
