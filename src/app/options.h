#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "app/command.h"
#include "base/log.h"

namespace ocisync {

// The groups of options that several commands share, each declared once.

struct LogOptions {
  std::optional<LogLevel> level;
  std::optional<LogFormat> format;
  std::vector<std::string> unknown_variables;  // OCISYNC_ variables that no flag has
};

void declare(Flags& flags, LogOptions& options);

enum class OutputFormat { text, json };

// -o: what is printed on stdout.
void declare_output(Flags& flags, std::optional<OutputFormat>& output);

// The spec file and what overrides it.
struct SpecOptions {
  std::vector<std::string> config;
  std::optional<std::filesystem::path> cache;
  std::optional<std::filesystem::path> exports;
  std::optional<std::filesystem::path> registry_config;
  std::vector<std::string> only;
  std::optional<unsigned> concurrency;
  std::optional<Duration> accept_stale;
};

void declare_config(Flags& flags, SpecOptions& options);  // --config alone
void declare_cache(Flags& flags, SpecOptions& options);   // --config and --cache
void declare(Flags& flags, SpecOptions& options);         // all of it

// Throws Error(usage_invalid) when no --config was given.
void require_config(const SpecOptions& options);

}  // namespace ocisync
