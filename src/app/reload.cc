#include "app/reload.h"

#include <algorithm>
#include <vector>

#include <fmt/format.h>

#include "base/environment.h"
#include "base/text.h"
#include "export/snapshot.h"
#include "registry/default_files.h"
#include "registry/endpoint.h"

namespace ocisync {
namespace {

namespace fs = std::filesystem;

void add(std::vector<fs::path>& files, const std::optional<fs::path>& file) {
  if (file && !file->empty())
    files.push_back(*file);
}

// The files that a registry's entry names.
std::vector<fs::path> files_of(const RegistrySpec& registry) {
  std::vector<fs::path> files;
  const auto add_credentials = [&](const std::optional<CredentialsSpec>& credentials) {
    if (!credentials)
      return;
    add(files, credentials->path);
    add(files, credentials->password_file);
  };
  add_credentials(registry.credentials);
  if (registry.proxy)
    add_credentials(registry.proxy->credentials);
  for (const auto& file : {registry.tls.ca_file, registry.tls.cert_file, registry.tls.key_file})
    add(files, file);
  return files;
}

std::string first_line(const std::string& text) { return text.substr(0, text.find('\n')); }

}  // namespace

Triggers::Paths Reload::spec_files(const WatchOptions& options) {
  Triggers::Paths files;
  for (const std::string& argument : options.spec.config)
    if (argument != "-" && !argument.empty())
      files.insert(fs::absolute(argument).lexically_normal());
  if (options.terms.locked)
    files.insert(fs::absolute(lock_path(options.spec, options.terms)).lexically_normal());
  return files;
}

Reload::Reload(const WatchOptions& options, std::unique_ptr<Triggers> triggers, Wiring& wiring,
               Service& service, Log& log)
    : options_(options),
      wiring_(wiring),
      service_(service),
      log_(log),
      spec_files_(spec_files(options)),
      triggers_(std::move(triggers)) {
  watch_files();
  triggers_->start([this](const Triggers::Paths& paths) { changed(paths); });
}

void Reload::now() {
  triggers_->call([this] {
    read_spec();
    sync();
  });
}

void Reload::watch_files() {
  const Spec& spec = wiring_.spec();
  const auto defaults = default_files({options_.spec.registry_config}, process_variable);
  charts_.clear();
  for (const ChartSpec& chart : spec.charts) {
    for (const Endpoint& endpoint : endpoints(spec, chart.reference, Lookup::by_digest)) {
      if (endpoint.registry)
        for (const fs::path& file : files_of(*endpoint.registry))
          charts_[file].insert(chart.name);
      if (!endpoint.registry || !endpoint.registry->credentials)
        for (const DefaultFile& file : defaults)
          charts_[file.path].insert(chart.name);
    }
  }
  server_files_.clear();
  for (const auto& file : {spec.http.cert_file, spec.http.key_file})
    if (file)
      server_files_.insert(*file);
  const bool snapshot = spec.exports.layout == Layout::snapshot && spec.exports.path;
  pin_ = snapshot ? *spec.exports.path / pin_path(spec.name) : fs::path();
  Triggers::Paths all = spec_files_;
  if (snapshot)
    all.insert(pin_);
  all.insert(server_files_.begin(), server_files_.end());
  for (const auto& [file, charts] : charts_)
    all.insert(file);
  triggers_->watch(all);
}

void Reload::changed(const Triggers::Paths& paths) {
  std::set<std::string> charts;
  bool spec = false, server = false;
  for (const fs::path& path : paths) {
    spec = spec || spec_files_.contains(path);
    server = server || server_files_.contains(path);
    if (const auto needed = charts_.find(path); needed != charts_.end())
      charts.insert(needed->second.begin(), needed->second.end());
  }
  if (server) {
    try {
      service_.server().reload_tls();
    } catch (const Error& error) {
      log_.error("CertificateRefused", error.what());
    }
  }
  if (spec)
    read_spec();
  else if (paths.contains(pin_))
    wiring_.reconciler().rollback_changed();
  if (charts.empty())
    return;
  log_.info("SecretsChanged", "syncing the charts that need them",
            {{"charts", static_cast<std::int64_t>(charts.size())}});
  wiring_.reconciler().sync_now(std::move(charts));
}

void Reload::read_spec() {
  try {
    Spec spec = options_.load(log_);
    const Terms terms = load_terms(options_.spec, options_.terms, spec);
    keep_what_needs_a_restart(spec);
    wiring_.follow(std::move(spec), terms);
    wiring_.board().reload_accepted();
    service_.follow(wiring_.spec().http);
    log_.info("SpecReloaded", "following the new spec",
              {{"charts", static_cast<std::int64_t>(wiring_.spec().charts.size())},
               {"specHash", wiring_.spec().hash}});
  } catch (const Error& error) {
    const std::string why = printable(first_line(error.what()), 2048);
    wiring_.board().reload_refused(why);
    log_.error("SpecRefused", "the old spec stays: " + why, {{"hint", error.hint()}});
  }
  watch_files();
}

void Reload::keep_what_needs_a_restart(Spec& spec) const {
  const Spec& now = wiring_.spec();
  std::string fields;
  const auto keep = [&](auto& wanted, const auto& running, std::string_view name) {
    if (wanted == running)
      return;
    wanted = running;
    fields += fmt::format("{}{}", fields.empty() ? "" : ", ", name);
  };
  keep(spec.name, now.name, "metadata.name");
  keep(spec.cache.path, now.cache.path, "spec.cache.path");
  keep(spec.cache.group_write, now.cache.group_write, "spec.cache.groupWrite");
  keep(spec.exports.path, now.exports.path, "spec.export.path");
  keep(spec.http.listen, now.http.listen, "spec.http.listen");
  keep(spec.http.cert_file, now.http.cert_file, "spec.http.tls.certFile");
  keep(spec.http.key_file, now.http.key_file, "spec.http.tls.keyFile");
  if (!fields.empty())
    log_.warning("RestartNeeded", fields + ": changes only with a restart; the rest is followed");
}

}  // namespace ocisync
