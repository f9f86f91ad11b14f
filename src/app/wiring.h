#pragma once

#include <filesystem>
#include <memory>
#include <optional>

#include "app/options.h"
#include "base/log.h"
#include "net/http.h"
#include "observe/metrics.h"
#include "observe/status_board.h"
#include "reconcile/reconciler.h"
#include "spec/source.h"

namespace ocisync {

// The log as flags, environment and terminal ask for it.
std::unique_ptr<Log> make_log(const LogOptions& options);

// Loads the spec and lays flags over it. Throws Error(spec_invalid) whose message is the whole
// report.
Spec load_effective_spec(const SpecOptions& options, Log& log);
Spec load_effective_spec(const SpecOptions& options, const std::vector<SpecSource>& sources,
                         Log& log);

// The spec for commands that work without one too: defaults when no --config was given.
Spec load_spec_if_given(const SpecOptions& options, Log& log);

// Where the cache is: flag or environment, the spec, $HELM_HOME/registry, ~/.helm/registry.
std::filesystem::path cache_path(const SpecOptions& options, const Spec& spec);

// Throws Error(usage_invalid) when there is none.
void require_export_path(const Spec& spec);

// Where the lock file is: --lock-file, or charts.lock.yaml beside the first --config. Throws
// Error(usage_invalid) when that is standard input.
std::filesystem::path lock_path(const SpecOptions& options, const TermsOptions& terms);

// Reads the lock file if --locked asks for it. Throws Error(spec_invalid), one line a complaint,
// when there is none or it does not fit the spec.
Terms load_terms(const SpecOptions& options, const TermsOptions& terms, const Spec& spec);

// When the cache's disk fills up, what nothing names is dropped.
void make_room_when_full(BlobCache& cache);

// What it takes to talk to registries, whatever the spec says about them.
class RegistryAccess {
 public:
  // `offline`: nothing that could open a socket is made. `settings`: whom to tell; its limits and
  // times are the spec's.
  RegistryAccess(const SpecOptions& options, const Clock& clock, Log& log, bool offline = false,
                 ClientSettings settings = {});

  std::unique_ptr<RegistryClient> client_for(const Spec& spec);  // which outlives it

  HttpClient& http() { return *http_; }

  CredentialStore& credentials() { return credentials_; }

 private:
  const Clock& clock_;
  Log& log_;
  ClientSettings settings_;
  std::unique_ptr<HttpClient> http_;
  CredentialStore credentials_;
  Authenticator authenticator_;
};

// The same with the client for one spec.
class RegistryWiring {
 public:
  // `offline`: nothing that could open a socket is made.
  RegistryWiring(const SpecOptions& options, const Spec& spec, const Clock& clock, Log& log,
                 bool offline = false);

  RegistryClient& client() { return *client_; }

  CredentialStore& credentials() { return access_.credentials(); }

 private:
  RegistryAccess access_;
  std::unique_ptr<RegistryClient> client_;
};

// What it takes to ask without changing anything: volumes opened for reading, and absent where
// there are none.
class ReadingWiring {
 public:
  ReadingWiring(const SpecOptions& options, Spec spec, const Terms& terms, Log& log);

  const Spec& spec() const { return spec_; }

  Sources sources() {
    return {spec_,
            registry_.client(),
            cache_ ? &*cache_ : nullptr,
            references_ ? &*references_ : nullptr,
            log_,
            terms_};
  }

  Publisher* publisher() { return publisher_ ? &*publisher_ : nullptr; }

  Lanes& lanes() { return lanes_; }

  const Clock& clock() const { return clock_; }

 private:
  RealClock clock_;
  Log& log_;
  Spec spec_;
  Terms terms_;
  std::optional<Volume> volume_;
  std::optional<BlobCache> cache_;
  std::optional<ReferenceStore> references_;
  std::optional<Publisher> publisher_;
  RegistryWiring registry_;
  Lanes lanes_;
};

// Every room of a sync, built once, in order; torn down in reverse. One thread.
class Wiring {
 public:
  // Exports nothing when the spec has no export path.
  Wiring(const SpecOptions& options, Spec spec, const Terms& terms, Log& log,
         const std::optional<std::filesystem::path>& status_file = {});

  Reconciler& reconciler() { return *reconciler_; }

  StatusBoard& board() { return *board_; }

  Metrics& metrics() { return *metrics_; }

  const Spec& spec() const;  // that was followed last

  const Clock& clock() const { return clock_; }

  Progress& progress() { return progress_; }

  // From now on this spec; where cache and export are stays as it was. Throws what opening the
  // export anew throws, which it does when its layout changes.
  void follow(Spec spec, const Terms& terms);

 private:
  struct Generation;

  std::shared_ptr<const Rooms> complete(const Terms& terms);
  ClientSettings listeners();

  RealClock clock_;
  Progress progress_{clock_};
  Log& log_;
  Volume volume_;
  BlobCache cache_;
  ReferenceStore references_;
  std::unique_ptr<StatusBoard> board_;
  std::unique_ptr<Metrics> metrics_;
  std::unique_ptr<RegistryAccess> registry_;
  std::unique_ptr<Hooks> hooks_;  // null: nothing is exported
  std::shared_ptr<Generation> generation_;
  std::unique_ptr<Reconciler> reconciler_;
  std::unique_ptr<Lanes> lanes_;
};

}  // namespace ocisync
