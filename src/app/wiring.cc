#include "app/wiring.h"

#include <algorithm>
#include <random>

#include <fmt/format.h>
#include <unistd.h>

#include "app/output.h"
#include "base/environment.h"
#include "base/error.h"
#include "base/text.h"
#include "net/curl_engine.h"
#include "net/no_network.h"
#include "reconcile/status_file.h"
#include "registry/blocked_registries.h"
#include "spec/load.h"
#include "store/sweep.h"

namespace ocisync {
namespace {

Random make_random() {
  return [generator = std::mt19937_64(std::random_device{}())]() mutable {
    return std::uniform_real_distribution<double>(0, 1)(generator);
  };
}

std::unique_ptr<HttpClient> make_http(bool offline) {
  if (offline)
    return std::make_unique<NoNetwork>();
  return std::make_unique<CurlEngine>("ocisync/" OCISYNC_VERSION);
}

std::filesystem::path resolved(const std::filesystem::path& path) {
  std::error_code ignored;  // what cannot be resolved is told by who opens it
  const std::filesystem::path real = std::filesystem::weakly_canonical(path, ignored);
  return (real.empty() ? path : real) / "";
}

// Each keeps its own things in .ocisync, and tidies there what the other is still making.
void require_apart(const std::filesystem::path& cache, const std::filesystem::path& exports) {
  std::error_code ignored;
  if (resolved(cache) == resolved(exports) ||
      std::filesystem::equivalent(cache, exports, ignored))  // mounted twice
    throw Error(Reason::volume_unsuitable,
                printable(exports.string(), 4096) + " is both the cache and the export directory")
        .hint("give each its own; one may be below the other");
}

// Where no socket is opened nothing is added, so a cache that may only be read will do.
Volume open_cache(const std::filesystem::path& path, const Spec& spec, const Terms& terms) {
  if (spec.exports.path)
    require_apart(path, *spec.exports.path);
  try {
    return Volume::open(path, spec.cache.group_write ? kGroupModes : kDefaultModes);
  } catch (const Error& error) {
    if (!terms.offline || error.reason() != Reason::volume_unsuitable)
      throw;
    auto as_it_is = Volume::open_read_only(path);
    if (!as_it_is)
      throw;
    return *std::move(as_it_is);
  }
}

std::size_t lane_count(const Spec& spec) {
  return std::min<std::size_t>(spec.concurrency, std::max<std::size_t>(spec.charts.size(), 1));
}

}  // namespace

std::unique_ptr<Log> make_log(const LogOptions& options) {
  const bool watched = stderr_is_watched();
  const LogFormat format = options.format.value_or(watched ? LogFormat::text : LogFormat::json);
  auto log = std::make_unique<Log>(options.level.value_or(LogLevel::info), format, watched);
  for (const std::string& name : options.unknown_variables)
    log->warning("UnknownVariable", name + " is not a variable of ocisync and is ignored");
  return log;
}

Spec load_effective_spec(const SpecOptions& options, Log& log) {
  require_config(options);
  return load_effective_spec(options, read_spec_sources(options.config), log);
}

Spec load_effective_spec(const SpecOptions& options, const std::vector<SpecSource>& sources,
                         Log& log) {
  LoadedSpec loaded = load_spec(sources, process_variable);
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

Spec load_spec_if_given(const SpecOptions& options, Log& log) {
  return options.config.empty() ? Spec{} : load_effective_spec(options, log);
}

std::filesystem::path cache_path(const SpecOptions& options, const Spec& spec) {
  if (options.cache)
    return std::filesystem::absolute(*options.cache);
  if (spec.cache.path)
    return *spec.cache.path;
  if (const auto helm = process_variable("HELM_HOME"); helm && !helm->empty())
    return std::filesystem::path(*helm) / "registry";
  if (const auto home = process_variable("HOME"); home && !home->empty())
    return std::filesystem::path(*home) / ".helm" / "registry";
  throw Error(
      Reason::usage_invalid,
      "no cache directory: set --cache, OCISYNC_CACHE or spec.cache.path (HOME is not set)");
}

void require_export_path(const Spec& spec) {
  if (!spec.exports.path)
    throw Error(Reason::usage_invalid, "no export directory: set --export or spec.export.path");
}

std::filesystem::path lock_path(const SpecOptions& options, const TermsOptions& terms) {
  if (terms.lock_file)
    return *terms.lock_file;
  const std::filesystem::path first = options.config.front();
  if (first == "-")
    throw Error(Reason::usage_invalid,
                "--lock-file is missing: the spec comes from standard input, which has no place "
                "for a lock file beside it");
  std::error_code ignored;
  const bool folder = std::filesystem::is_directory(first, ignored);
  return (folder ? first : first.parent_path()) / "charts.lock.yaml";
}

Terms load_terms(const SpecOptions& options, const TermsOptions& terms, const Spec& spec) {
  Terms loaded{.lock = nullptr, .offline = terms.offline};
  if (!terms.locked)
    return loaded;
  const std::filesystem::path path = lock_path(options, terms);
  auto lock = read_lock_file(path);
  if (!lock)
    throw Error(Reason::spec_invalid,
                printable(path.string(), 1024) + ": there is no such lock file")
        .hint("write it with ocisync lock");
  std::string report;
  for (const std::string& complaint : lock_complaints(spec, *lock))
    report += fmt::format("{}{}: {}", report.empty() ? "" : "\n", printable(path.string(), 1024),
                          complaint);
  if (!report.empty())
    throw Error(Reason::spec_invalid, report).hint("bring it up to date with ocisync lock");
  loaded.lock = std::make_shared<const LockFile>(*std::move(lock));
  return loaded;
}

void make_room_when_full(BlobCache& cache) {
  cache.on_disk_full([&volume = cache.volume()] {
    SweepPolicy policy;
    policy.everything_unnamed = true;
    sweep(volume, policy, std::chrono::system_clock::now());
  });
}

RegistryAccess::RegistryAccess(const SpecOptions& options, const Clock& clock, Log& log,
                               bool offline, ClientSettings settings)
    : clock_(clock),
      log_(log),
      settings_(std::move(settings)),
      http_(make_http(offline)),
      credentials_(process_variable, {options.registry_config}, clock),
      authenticator_(*http_, clock) {
  settings_.blocked_registries = std::make_shared<BlockedRegistries>(clock);
}

std::unique_ptr<RegistryClient> RegistryAccess::client_for(const Spec& spec) {
  ClientSettings settings = settings_;
  settings.timeout = spec.timeout;
  settings.stall_timeout = spec.stall_timeout;
  settings.manifest_size = spec.limits.manifest_size;
  return std::make_unique<RegistryClient>(spec, std::move(settings), *http_, authenticator_,
                                          credentials_, clock_, log_, process_variable);
}

RegistryWiring::RegistryWiring(const SpecOptions& options, const Spec& spec, const Clock& clock,
                               Log& log, bool offline)
    : access_(options, clock, log, offline), client_(access_.client_for(spec)) {}

ReadingWiring::ReadingWiring(const SpecOptions& options, Spec spec, const Terms& terms, Log& log)
    : log_(log),
      spec_(std::move(spec)),
      terms_(terms),
      volume_(Volume::open_read_only(cache_path(options, spec_))),
      registry_(options, spec_, clock_, log, terms.offline),
      lanes_(lane_count(spec_)) {
  if (volume_) {
    cache_.emplace(*volume_);
    references_.emplace(*volume_);
  }
  if (spec_.exports.path)
    if (auto found = Publisher::open_read_only(*spec_.exports.path, spec_.name, spec_.exports))
      publisher_.emplace(std::move(*found));
}

// A spec and what was built for it alone.
struct Wiring::Generation {
  Spec spec;
  std::shared_ptr<Publisher> publisher;
  std::unique_ptr<RegistryClient> registry;
  std::optional<Rooms> rooms;
};

Wiring::Wiring(const SpecOptions& options, Spec spec, const Terms& terms, Log& log,
               const std::optional<std::filesystem::path>& status_file)
    : log_(log),
      volume_(open_cache(cache_path(options, spec), spec, terms)),
      cache_(volume_),
      references_(volume_),
      lanes_(std::make_unique<Lanes>(1)) {
  if (!volume_.read_only())
    make_room_when_full(cache_);
  generation_ = std::make_shared<Generation>();
  if (spec.exports.path)
    generation_->publisher =
        std::make_shared<Publisher>(Publisher::open(*spec.exports.path, spec.name, spec.exports));
  generation_->spec = std::move(spec);
  const Spec& wanted = generation_->spec;
  board_ = std::make_unique<StatusBoard>(
      clock_, wanted.name,
      generation_->publisher
          ? read_status_file({*generation_->publisher->control(), wanted.name, status_file})
          : StatusMemory{});
  metrics_ = std::make_unique<Metrics>(*board_, OCISYNC_VERSION, OCISYNC_REVISION);
  metrics_->set_per_chart(wanted.http.per_chart_metrics);
  registry_ = std::make_unique<RegistryAccess>(options, clock_, log, terms.offline, listeners());
  if (generation_->publisher) {
    const Publisher& publisher = *generation_->publisher;
    hooks_ = std::make_unique<Hooks>([shown = generation_->publisher] { return shown->control(); },
                                     registry_->http(), *metrics_, log_, clock_, make_random());
    hooks_->follow(wanted);
    hooks_->take_over([&](const HookChange& change) {
      for (const Publication& each : publisher.published())
        if (absolute_export_path(wanted, each.path) == change.path) {
          const auto shown = publisher.shown(each.path);
          return shown && shown->manifest.str() == change.digest;
        }
      return change.action == Action::remove;
    });
  }
  reconciler_ =
      std::make_unique<Reconciler>(complete(terms), *board_, *metrics_, status_file, make_random());
}

// What the registry client has to say goes into the metrics.
ClientSettings Wiring::listeners() {
  ClientSettings settings;
  settings.began = [this](const std::string& host) { metrics_->transfer_began(host); };
  settings.observe = [this](const Exchange& exchange) {
    metrics_->transfer_ended(exchange.host);
    metrics_->registry_request(exchange.host, to_string(exchange.method), exchange.status,
                               exchange.duration, exchange.received, exchange.sent);
  };
  settings.retried = [this](const std::string& host, Reason why) {
    metrics_->registry_retry(host, why);
  };
  settings.blocked = [this](const std::string& host, WallTime until) {
    metrics_->registry_blocked(host, until);
  };
  settings.refreshed = [this](const std::string& host, bool successful) {
    metrics_->credentials_refreshed(host, successful);
  };
  return settings;
}

const Spec& Wiring::spec() const { return generation_->spec; }

std::shared_ptr<const Rooms> Wiring::complete(const Terms& terms) {
  Generation& generation = *generation_;
  generation.registry = registry_->client_for(generation.spec);
  generation.rooms.emplace(Rooms{generation.spec, *generation.registry, cache_, references_,
                                 generation.publisher.get(), *lanes_, log_, clock_, terms,
                                 &progress_, hooks_.get()});
  return {generation_, &*generation.rooms};
}

void Wiring::follow(Spec spec, const Terms& terms) {
  const Generation& before = *generation_;
  auto next = std::make_shared<Generation>();
  next->spec = std::move(spec);
  const ExportSpec& shown = next->spec.exports;
  next->publisher = before.publisher;
  if (before.publisher && (shown.layout != before.spec.exports.layout ||
                           shown.group_write != before.spec.exports.group_write))
    next->publisher =
        std::make_shared<Publisher>(Publisher::open(*shown.path, next->spec.name, shown));
  generation_ = std::move(next);
  metrics_->set_per_chart(generation_->spec.http.per_chart_metrics);
  if (hooks_)
    hooks_->follow(generation_->spec);
  reconciler_->follow(complete(terms));
}

}  // namespace ocisync
