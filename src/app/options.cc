#include "app/options.h"

#include "base/error.h"

namespace ocisync {

void declare(Flags& flags, LogOptions& options) {
  flags.choice<LogLevel>("log-level", options.level,
                         {{"debug", LogLevel::debug},
                          {"info", LogLevel::info},
                          {"warning", LogLevel::warning},
                          {"error", LogLevel::error}},
                         "What the log says (info)");
  flags.choice<LogFormat>("log-format", options.format,
                          {{"text", LogFormat::text}, {"json", LogFormat::json}},
                          "How it says it (text on a terminal, else json)");
  flags.unknown_variables(options.unknown_variables);
}

void declare_output(Flags& flags, std::optional<OutputFormat>& output) {
  flags
      .choice<OutputFormat>("output", output,
                            {{"text", OutputFormat::text}, {"json", OutputFormat::json}},
                            "The result on stdout (text)")
      .letter = 'o';
}

void declare_config(Flags& flags, SpecOptions& options) {
  flags.list("config", "FILE", options.config, "Spec file, - or directory (repeats)").letter = 'c';
}

void declare_cache(Flags& flags, SpecOptions& options) {
  declare_config(flags, options);
  flags.path("cache", "DIR", options.cache, "The cache directory");
}

void declare(Flags& flags, SpecOptions& options) {
  declare_cache(flags, options);
  flags.path("export", "DIR", options.exports, "The export directory");
  flags.path("registry-config", "FILE", options.registry_config, "Registry credentials");
  flags.list("only", "NAME", options.only, "Only this chart (repeats)");
  flags.count("concurrency", options.concurrency, 1, 256, "Charts in flight (16)");
  flags.duration("accept-stale", options.accept_stale, "An unreachable chart may be this old");
}

void require_config(const SpecOptions& options) {
  if (options.config.empty())
    throw Error(Reason::usage_invalid,
                "--config is missing: which spec file? (or set OCISYNC_CONFIG)");
}

}  // namespace ocisync
