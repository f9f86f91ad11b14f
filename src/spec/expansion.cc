#include "spec/expansion.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/text.h"

namespace ocisync {
namespace {

bool name_byte(char c) {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
}

// What stands between "${" and "}": a name, and what to do when it is not set.
struct Variable {
  std::string_view name;
  std::string_view operation;  // "", ":-" or ":?"
  std::string_view argument;
};

std::optional<Variable> parse_variable(std::string_view inside) {
  const auto end = std::find_if_not(inside.begin(), inside.end(), name_byte);
  const auto length = static_cast<std::size_t>(end - inside.begin());
  Variable variable{inside.substr(0, length), {}, {}};
  const std::string_view rest = inside.substr(length);
  if (length == 0 || (inside[0] >= '0' && inside[0] <= '9'))
    return std::nullopt;
  if (rest.empty())
    return variable;
  if (!rest.starts_with(":-") && !rest.starts_with(":?"))
    return std::nullopt;
  variable.operation = rest.substr(0, 2);
  variable.argument = rest.substr(2);
  return variable;
}

void put_in(const Variable& variable, const Environment& environment, Expansion& into) {
  const auto value = environment(variable.name);
  into.expanded = true;
  if (value && (!value->empty() || variable.operation.empty()))
    into.text += *value;
  else if (variable.operation == ":-")
    into.text += variable.argument;
  else if (variable.operation == ":?" && !variable.argument.empty())
    into.complaints.push_back(fmt::format("{}: {}", variable.name, printable(variable.argument)));
  else
    into.complaints.push_back(
        fmt::format("the environment variable {0} is not set (set it, or write ${{{0}:-default}})",
                    variable.name));
}

}  // namespace

Expansion expand_variables(std::string_view text, const Environment& environment) {
  Expansion result;
  while (true) {
    const std::size_t dollar = text.find("${");
    if (dollar == std::string_view::npos)
      break;
    if (dollar > 0 && text[dollar - 1] == '$') {
      result.text += text.substr(0, dollar - 1);
      result.text += "${";
      text.remove_prefix(dollar + 2);
      continue;
    }
    result.text += text.substr(0, dollar);
    const std::size_t close = text.find('}', dollar);
    const auto variable = close == std::string_view::npos
                              ? std::nullopt
                              : parse_variable(text.substr(dollar + 2, close - dollar - 2));
    if (!variable) {
      result.complaints.emplace_back(
          "a variable is not well formed (${VAR}, ${VAR:-default}, ${VAR:?message}; $${ for a "
          "literal ${)");
      return result;
    }
    put_in(*variable, environment, result);
    text.remove_prefix(close + 1);
  }
  result.text += text;
  return result;
}

}  // namespace ocisync
