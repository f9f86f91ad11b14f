#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/environment.h"

namespace ocisync {

// A text with its variables put in. What a variable holds is taken as it is, never looked through
// for further variables.
struct Expansion {
  std::string text;
  bool expanded = false;                // at least one variable was put in
  std::vector<std::string> complaints;  // never show a variable's value
};

// Variables are written ${VAR}, ${VAR:-default} and ${VAR:?message}; an empty one counts as unset
// for the latter two. "$${" is a literal "${". Any other "$" is itself.
Expansion expand_variables(std::string_view text, const Environment& environment);

}  // namespace ocisync
