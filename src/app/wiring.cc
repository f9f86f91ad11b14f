#include "app/wiring.h"

#include <algorithm>
#include <cstdlib>
#include <random>

#include <unistd.h>

#include "base/error.h"
#include "base/text.h"
#include "spec/load.h"
#include "store/sweep.h"

extern char** environ;

namespace ocisync {
namespace {

Random make_random() {
  return [generator = std::mt19937_64(std::random_device{}())]() mutable {
    return std::uniform_real_distribution<double>(0, 1)(generator);
  };
}

ClientSettings client_settings(const Spec& spec) {
  ClientSettings settings;
  settings.timeout = spec.timeout;
  settings.stall_timeout = spec.stall_timeout;
  settings.manifest_size = spec.limits.manifest_size;
  return settings;
}

}  // namespace

std::optional<std::string> environment_variable(std::string_view name) {
  const char* value =
      std::getenv(std::string(name).c_str());  // NOLINT(concurrency-mt-unsafe): never set
  return value ? std::optional<std::string>(value) : std::nullopt;
}

std::vector<std::string> environment_names() {
  std::vector<std::string> names;
  for (char** entry = environ; entry && *entry; ++entry) {
    const std::string_view text(*entry);
    names.emplace_back(text.substr(0, text.find('=')));
  }
  return names;
}

std::unique_ptr<Log> make_log(const Options& options) {
  const bool terminal = ::isatty(STDERR_FILENO) == 1;
  const bool machine =
      environment_variable("CI").has_value() || environment_variable("NO_COLOR").has_value();
  const LogFormat format =
      options.log_format.value_or(terminal && !machine ? LogFormat::text : LogFormat::json);
  return std::make_unique<Log>(options.log_level.value_or(LogLevel::info), format,
                               terminal && !machine);
}

Spec load_effective_spec(const Options& options, Log& log) {
  const auto sources = read_spec_sources(options.config);
  LoadedSpec loaded = load_spec(sources, environment_variable);
  if (!loaded.spec)
    throw Error(Reason::spec_invalid, describe_problems(loaded.problems, sources));
  Spec spec = *std::move(loaded.spec);
  for (const std::string& warning : spec.warnings)
    log.warning("SpecWarning", warning);
  if (options.exports)
    spec.exports.path = std::filesystem::absolute(*options.exports);
  if (options.concurrency)
    spec.concurrency = *options.concurrency;
  if (options.accept_stale)
    spec.accept_stale = *options.accept_stale;
  for (const std::string& name : options.only)
    if (std::none_of(spec.charts.begin(), spec.charts.end(),
                     [&](const ChartSpec& chart) { return chart.name == name; }))
      throw Error(Reason::usage_invalid,
                  "--only: the spec has no chart named '" + printable(name) + "'");
  return spec;
}

std::filesystem::path cache_path(const Options& options, const std::optional<Spec>& spec) {
  if (options.cache)
    return std::filesystem::absolute(*options.cache);
  if (spec && spec->cache.path)
    return *spec->cache.path;
  if (const auto helm = environment_variable("HELM_HOME"); helm && !helm->empty())
    return std::filesystem::path(*helm) / "registry";
  if (const auto home = environment_variable("HOME"); home && !home->empty())
    return std::filesystem::path(*home) / ".helm" / "registry";
  throw Error(
      Reason::usage_invalid,
      "no cache directory: set --cache, OCISYNC_CACHE or spec.cache.path (HOME is not set)");
}

RegistryWiring::RegistryWiring(const Options& options, const Spec& spec, const Clock& clock,
                               Log& log)
    : http_("ocisync/" OCISYNC_VERSION),
      credentials_(environment_variable, {options.registry_config}, clock),
      authenticator_(http_, clock),
      client_(spec, client_settings(spec), http_, authenticator_, credentials_, clock, log,
              environment_variable) {}

Wiring::Wiring(const Options& options, Spec spec, Log& log)
    : spec_(std::move(spec)),
      volume_(Volume::open(cache_path(options, spec_),
                           spec_.cache.group_write ? kGroupModes : kDefaultModes)),
      cache_(volume_),
      references_(volume_),
      publisher_([&] {
        if (!spec_.exports.path)
          throw Error(Reason::usage_invalid,
                      "no export directory: set --export or spec.export.path");
        return Publisher::open(*spec_.exports.path, spec_.name, spec_.exports);
      }()),
      registry_(options, spec_, clock_, log),
      lanes_(
          std::min<std::size_t>(spec_.concurrency, std::max<std::size_t>(spec_.charts.size(), 1)),
          clock_),
      reconciler_(
          Rooms{spec_, registry_.client(), cache_, references_, publisher_, lanes_, log, clock_},
          make_random()) {
  cache_.on_disk_full([this] {
    SweepPolicy policy;
    policy.everything_unnamed = true;
    sweep(volume_, policy, clock_.wall());
  });
}

}  // namespace ocisync
