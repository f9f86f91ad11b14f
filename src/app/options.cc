#include "app/options.h"

#include "base/error.h"

namespace ocisync {

void declare(Flags& flags, LogOptions& options) {
  flags
      .choice<LogLevel>("log-level", options.level,
                        {{"debug", LogLevel::debug},
                         {"info", LogLevel::info},
                         {"warning", LogLevel::warning},
                         {"error", LogLevel::error}},
                        "What the log says (info)")
      .brief = "debug|info|warning|error (info)";
  Flag& format = flags.choice<LogFormat>("log-format", options.format,
                                         {{"text", LogFormat::text}, {"json", LogFormat::json}},
                                         "How it says it (text on a terminal, else json)");
  format.brief = "text|json";
  format.joins = true;
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
  flags.origins(options.origins);
  flags.path("cache", "DIR", options.cache, "The cache directory");
}

void declare_asking(Flags& flags, SpecOptions& options) {
  declare_cache(flags, options);
  flags.path("registry-config", "FILE", options.registry_config, "Registry credentials");
  flags.list("only", "NAME", options.only, "Only this chart (repeats)");
  flags.count("concurrency", options.concurrency, 1, 256, "Charts in flight (16)");
}

void declare_exporting(Flags& flags, SpecOptions& options) {
  declare_asking(flags, options);
  flags.path("export", "DIR", options.exports, "The export directory");
}

void declare(Flags& flags, SpecOptions& options) {
  declare_exporting(flags, options);
  flags.duration("accept-stale", options.accept_stale, "An unreachable chart may be this old");
}

void declare_lock_file(Flags& flags, TermsOptions& options) {
  flags.path("lock-file", "FILE", options.lock_file, "The lock (charts.lock.yaml by the spec)");
}

Flag& declare_offline(Flags& flags, TermsOptions& options) {
  return flags.toggle("offline", options.offline, "Open no socket: the cache is all there is");
}

void declare_terms(Flags& flags, TermsOptions& options) {
  declare_lock_file(flags, options);
  flags.toggle("locked", options.locked, "Take the digests of the lock file, ask for no tags")
      .brief = "Take the lock's digests";
  Flag& offline = declare_offline(flags, options);
  offline.brief = "open no socket";
  offline.joins = true;
}

void declare_timeout(Flags& flags, std::optional<Duration>& timeout) {
  flags.duration("timeout", timeout, "Bound of the whole pass (5m)");
}

Duration timeout_of(const std::optional<Duration>& timeout) {
  const Duration limit = timeout.value_or(std::chrono::minutes(5));
  if (limit.count() == 0)
    throw Error(Reason::usage_invalid, "--timeout: 0 leaves no time for anything");
  return limit;
}

void require_config(const SpecOptions& options) {
  if (options.config.empty())
    throw Error(Reason::usage_invalid,
                "--config is missing: which spec file? (or set OCISYNC_CONFIG)");
}

}  // namespace ocisync
