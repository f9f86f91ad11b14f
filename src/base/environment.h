#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ocisync {

// Looks up an environment variable. Passed down instead of read where it is needed, so that a test
// can say what it is.
using Environment = std::function<std::optional<std::string>(std::string_view name)>;

// This process's. Nothing in the program changes it, so any thread may read it.
std::optional<std::string> process_variable(std::string_view name);
std::vector<std::string> process_variable_names();

}  // namespace ocisync
