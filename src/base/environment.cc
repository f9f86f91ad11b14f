#include "base/environment.h"

#include <cstdlib>

extern char** environ;

namespace ocisync {

std::optional<std::string> process_variable(std::string_view name) {
  const char* const value =
      std::getenv(std::string(name).c_str());  // NOLINT(concurrency-mt-unsafe): never set
  return value == nullptr ? std::nullopt : std::optional<std::string>(value);
}

std::vector<std::string> process_variable_names() {
  std::vector<std::string> names;
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    const std::string_view text(*entry);
    names.emplace_back(text.substr(0, text.find('=')));
  }
  return names;
}

}  // namespace ocisync
