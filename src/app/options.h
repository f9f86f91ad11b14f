#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/clock.h"
#include "base/log.h"

namespace ocisync {

enum class Command { help, version, sync, validate, gc, cache_check };
enum class OutputFormat { text, json };

// The command line, flags and environment merged (a flag wins over its OCISYNC_ variable, and both
// over the spec file).
struct Options {
  Command command = Command::help;
  std::vector<std::string> config;
  std::optional<std::filesystem::path> cache;
  std::optional<std::filesystem::path> exports;
  std::optional<std::filesystem::path> registry_config;
  std::set<std::string> only;
  bool fail_fast = false;
  std::optional<unsigned> concurrency;
  std::optional<Duration> accept_stale;
  Duration timeout = std::chrono::minutes(5);
  OutputFormat output = OutputFormat::text;
  bool quiet = false;
  std::optional<LogLevel> log_level;
  std::optional<LogFormat> log_format;
  bool all = false;                   // gc
  bool dry_run = false;               // gc
  bool repair = false;                // cache check
  bool print_schema = false;          // validate
  bool print_reference = false;       // validate
  std::string help_text;              // of the command asked for
  std::vector<std::string> warnings;  // unknown OCISYNC_ variables
};

using EnvironmentVariable = std::function<std::optional<std::string>(std::string_view)>;

// Throws Error(usage_invalid) with one line that says what is wrong and what is allowed.
// `variables` are the names of all environment variables, for the warnings.
Options parse_options(int argc, const char* const* argv, const EnvironmentVariable& environment,
                      const std::vector<std::string>& variables);

}  // namespace ocisync
