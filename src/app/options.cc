#include "app/options.h"

#include <algorithm>
#include <array>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "base/error.h"
#include "base/text.h"
#include "spec/quantity.h"

namespace ocisync {
namespace {

[[noreturn]] void refuse(std::string message) {
  throw Error(Reason::usage_invalid, std::move(message));
}

// --foo-bar is also OCISYNC_FOO_BAR.
std::string variable_of(std::string flag) {
  std::transform(flag.begin(), flag.end(), flag.begin(), [](char c) {
    return c == '-' ? '_' : static_cast<char>(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
  });
  return "OCISYNC_" + flag;
}

Duration duration_flag(std::string_view flag, const std::string& text) {
  const auto value = parse_duration(text);
  if (!value)
    refuse(
        fmt::format("--{}: '{}' is not a duration (like 30s, 5m, 1h30m)", flag, printable(text)));
  return *value;
}

template <typename Value>
Value choice(std::string_view flag, const std::string& text,
             std::initializer_list<std::pair<std::string_view, Value>> allowed) {
  std::string names;
  for (const auto& [name, value] : allowed) {
    if (text == name)
      return value;
    names += (names.empty() ? "" : ", ") + std::string(name);
  }
  refuse(fmt::format("--{}: '{}' is not one of {}", flag, printable(text), names));
}

// The texts of all options as given; empty means not given. Turned into Options at the end, so that
// a flag and its variable go through the same checks.
struct Raw {
  std::vector<std::string> config, only;
  std::string cache, exports, registry_config, concurrency, accept_stale, timeout, output,
      log_level, log_format;
  bool fail_fast = false, quiet = false, all = false, dry_run = false, repair = false,
       print_schema = false, print_reference = false;
};

// Declares the flags of each command once, with their help.
class CommandLine {
 public:
  CommandLine()
      : app_("ocisync keeps Helm charts from OCI registries as directories on a volume.") {
    app_.require_subcommand(0, 1);
    app_.set_version_flag("--version", [] { return std::string(); });
    add_sync_flags(app_);
    sync_ = app_.add_subcommand("sync", "One pass over the spec, then exit (the default)");
    add_sync_flags(*sync_);
    validate_ = app_.add_subcommand("validate", "Check the spec alone: no network, no volume");
    add_config(*validate_);
    validate_->add_flag("--print-schema", raw.print_schema, "Print the spec's JSON Schema");
    validate_->add_flag("--print-reference", raw.print_reference, "Print the annotated reference");
    gc_ = app_.add_subcommand("gc", "Remove cache content that nothing names");
    add_config(*gc_);
    add(*gc_, "cache", raw.cache, "The cache directory");
    gc_->add_flag("--all", raw.all, "Whatever its age (but never younger than an hour)");
    gc_->add_flag("--dry-run", raw.dry_run, "Only say what would go");
    add_log_flags(*gc_);
    cache_ = app_.add_subcommand("cache", "Look after the cache");
    check_ = cache_->add_subcommand("check", "Hash everything again and report what is damaged");
    cache_->require_subcommand(1);
    add_config(*check_);
    add(*check_, "cache", raw.cache, "The cache directory");
    check_->add_flag("--repair", raw.repair, "Remove what is damaged, so that it is fetched again");
    add_log_flags(*check_);
    version_ = app_.add_subcommand("version", "Print the version");
  }

  Command parse(int argc, const char* const* argv, std::string& help) {
    try {
      app_.parse(argc, argv);
    } catch (const CLI::CallForHelp&) {
      help = app_.help();
      return Command::help;
    } catch (const CLI::CallForVersion&) {
      return Command::version;
    } catch (const CLI::ParseError& error) {
      refuse(fmt::format("{} (see ocisync --help)", printable(error.what())));
    }
    help = app_.help();
    if (version_->parsed())
      return Command::version;
    if (validate_->parsed())
      return Command::validate;
    if (gc_->parsed())
      return Command::gc;
    if (check_->parsed())
      return Command::cache_check;
    return sync_->parsed() || argc > 1 || !raw.config.empty() ? Command::sync : Command::help;
  }

  Raw raw;
  std::vector<std::string> names;  // of every flag that a variable may set

 private:
  void add(CLI::App& command, const std::string& name, std::string& into, const std::string& help) {
    command.add_option("--" + name, into, help);
    names.push_back(name);
  }

  void add_config(CLI::App& command) {
    command.add_option("-c,--config", raw.config, "Spec file, - or directory (repeats)")
        ->delimiter(',')
        ->allow_extra_args(false);
  }

  void add_log_flags(CLI::App& command) {
    add(command, "log-level", raw.log_level, "debug, info, warning or error (info)");
    add(command, "log-format", raw.log_format, "text or json (text on a terminal)");
    command.add_option("-o,--output", raw.output, "text or json (text)");
  }

  void add_sync_flags(CLI::App& command) {
    add_config(command);
    add(command, "cache", raw.cache, "The cache directory");
    add(command, "export", raw.exports, "The export directory");
    add(command, "registry-config", raw.registry_config, "Registry credentials file");
    command.add_option("--only", raw.only, "Only this chart (repeats)")
        ->delimiter(',')
        ->allow_extra_args(false);
    command.add_flag("--fail-fast", raw.fail_fast, "Stop at the first required failure");
    add(command, "concurrency", raw.concurrency, "Charts in flight (16)");
    add(command, "accept-stale", raw.accept_stale, "An unreachable chart may be this old");
    add(command, "timeout", raw.timeout, "Bound of the whole pass (5m)");
    command.add_flag("--quiet", raw.quiet, "Print no result");
    add_log_flags(command);
  }

  CLI::App app_;
  CLI::App* sync_;
  CLI::App* validate_;
  CLI::App* gc_;
  CLI::App* cache_;
  CLI::App* check_;
  CLI::App* version_;
};

bool truth(std::string_view flag, const std::string& text) {
  return choice<bool>(flag, lower(text),
                      {{"true", true}, {"1", true}, {"false", false}, {"0", false}});
}

void apply_environment(Raw& raw, const EnvironmentVariable& environment) {
  const auto text = [&](const char* flag, std::string& into) {
    if (const auto value = environment(variable_of(flag)); value && into.empty())
      into = *value;
  };
  const auto list = [&](const char* flag, std::vector<std::string>& into) {
    if (const auto value = environment(variable_of(flag)); value && into.empty() && !value->empty())
      for (const std::string_view part : split(*value, ','))
        into.emplace_back(trim(part));
  };
  const auto flag = [&](const char* name, bool& into) {
    if (const auto value = environment(variable_of(name)); value && !into)
      into = truth(name, *value);
  };
  list("config", raw.config);
  list("only", raw.only);
  text("cache", raw.cache);
  text("export", raw.exports);
  text("registry-config", raw.registry_config);
  text("concurrency", raw.concurrency);
  text("accept-stale", raw.accept_stale);
  text("timeout", raw.timeout);
  text("output", raw.output);
  text("log-level", raw.log_level);
  text("log-format", raw.log_format);
  flag("fail-fast", raw.fail_fast);
  flag("quiet", raw.quiet);
}

unsigned concurrency_flag(const std::string& text) {
  const bool digits =
      !text.empty() && text.size() <= 3 &&
      std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
  const unsigned value = digits ? static_cast<unsigned>(std::stoul(text)) : 0;
  if (value < 1 || value > 256)
    refuse(fmt::format("--concurrency: '{}' is not a number from 1 to 256", printable(text)));
  return value;
}

Options checked(const Raw& raw) {
  Options options;
  options.config = raw.config;
  options.only = {raw.only.begin(), raw.only.end()};
  if (!raw.cache.empty())
    options.cache = raw.cache;
  if (!raw.exports.empty())
    options.exports = raw.exports;
  if (!raw.registry_config.empty())
    options.registry_config = raw.registry_config;
  if (!raw.concurrency.empty())
    options.concurrency = concurrency_flag(raw.concurrency);
  if (!raw.accept_stale.empty())
    options.accept_stale = duration_flag("accept-stale", raw.accept_stale);
  if (!raw.timeout.empty())
    options.timeout = duration_flag("timeout", raw.timeout);
  if (options.timeout.count() == 0)
    refuse("--timeout: 0 leaves no time for anything");
  if (!raw.output.empty())
    options.output = choice<OutputFormat>(
        "output", raw.output, {{"text", OutputFormat::text}, {"json", OutputFormat::json}});
  if (!raw.log_level.empty())
    options.log_level = choice<LogLevel>("log-level", raw.log_level,
                                         {{"debug", LogLevel::debug},
                                          {"info", LogLevel::info},
                                          {"warning", LogLevel::warning},
                                          {"error", LogLevel::error}});
  if (!raw.log_format.empty())
    options.log_format = choice<LogFormat>("log-format", raw.log_format,
                                           {{"text", LogFormat::text}, {"json", LogFormat::json}});
  options.fail_fast = raw.fail_fast;
  options.quiet = raw.quiet;
  options.all = raw.all;
  options.dry_run = raw.dry_run;
  options.repair = raw.repair;
  options.print_schema = raw.print_schema;
  options.print_reference = raw.print_reference;
  return options;
}

// A misspelt variable is easy to miss; what Kubernetes injects for a Service of our name is not
// ours.
std::vector<std::string> unknown_variables(const std::vector<std::string>& variables) {
  static constexpr std::array<std::string_view, 13> kKnown = {
      "config",      "only",         "cache",   "export", "registry-config",
      "concurrency", "accept-stale", "timeout", "output", "log-level",
      "log-format",  "fail-fast",    "quiet"};
  std::vector<std::string> warnings;
  for (const std::string& name : variables) {
    const bool ours = name.starts_with("OCISYNC_");
    const bool service = name.ends_with("_SERVICE_HOST") || name.ends_with("_PORT") ||
                         name.find("_SERVICE_PORT") != std::string::npos ||
                         name.find("_PORT_") != std::string::npos;
    const bool known = std::any_of(kKnown.begin(), kKnown.end(), [&](std::string_view flag) {
      return variable_of(std::string(flag)) == name;
    });
    if (ours && !service && !known)
      warnings.push_back(printable(name) + " is not a variable of ocisync and is ignored");
  }
  return warnings;
}

}  // namespace

Options parse_options(int argc, const char* const* argv, const EnvironmentVariable& environment,
                      const std::vector<std::string>& variables) {
  CommandLine line;
  std::string help;
  Command command = line.parse(argc, argv, help);
  apply_environment(line.raw, environment);
  if (command == Command::help && argc == 1 && !line.raw.config.empty())
    command = Command::sync;
  Options options = checked(line.raw);
  options.command = command;
  options.help_text = std::move(help);
  options.warnings = unknown_variables(variables);
  const bool needs_config =
      command == Command::sync ||
      (command == Command::validate && !options.print_schema && !options.print_reference);
  if (needs_config && options.config.empty())
    refuse("--config is missing: which spec file? (or set OCISYNC_CONFIG)");
  return options;
}

}  // namespace ocisync
