#pragma once

#include <filesystem>
#include <map>
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
  std::map<std::string, std::string> origins;  // see Flags::origins
};

void declare_config(Flags& flags, SpecOptions& options);  // --config alone
void declare_cache(Flags& flags, SpecOptions& options);   // --config and --cache
// What it takes to ask registries about charts: --cache, --registry-config, --only, --concurrency.
void declare_asking(Flags& flags, SpecOptions& options);
void declare_exporting(Flags& flags, SpecOptions& options);  // and --export
void declare(Flags& flags, SpecOptions& options);            // and --accept-stale

// Who may be asked which revision a chart wants.
struct TermsOptions {
  std::optional<std::filesystem::path> lock_file;
  bool locked = false;
  bool offline = false;
};

void declare_lock_file(Flags& flags, TermsOptions& options);  // --lock-file alone
Flag& declare_offline(Flags& flags, TermsOptions& options);   // --offline alone
void declare_terms(Flags& flags, TermsOptions& options);      // and --locked

void declare_timeout(Flags& flags, std::optional<Duration>& timeout);
// Five minutes when none was given. Throws Error(usage_invalid) for nought.
Duration timeout_of(const std::optional<Duration>& timeout);

// Throws Error(usage_invalid) when no --config was given.
void require_config(const SpecOptions& options);

}  // namespace ocisync
