#pragma once

#include <filesystem>
#include <memory>
#include <optional>

#include "app/options.h"
#include "base/log.h"
#include "net/curl_engine.h"
#include "reconcile/reconciler.h"

namespace ocisync {

// The log as flags, environment and terminal ask for it.
std::unique_ptr<Log> make_log(const LogOptions& options);

// Loads the spec and lays flags over it. Throws Error(spec_invalid) whose message is the whole
// report.
Spec load_effective_spec(const SpecOptions& options, Log& log);

// The spec for commands that work without one too: defaults when no --config was given.
Spec load_spec_if_given(const SpecOptions& options, Log& log);

// Where the cache is: flag or environment, the spec, $HELM_HOME/registry, ~/.helm/registry.
std::filesystem::path cache_path(const SpecOptions& options, const Spec& spec);

// What it takes to talk to registries.
class RegistryWiring {
 public:
  RegistryWiring(const SpecOptions& options, const Spec& spec, const Clock& clock, Log& log);

  RegistryClient& client() { return client_; }

 private:
  CurlEngine http_;
  CredentialStore credentials_;
  Authenticator authenticator_;
  RegistryClient client_;
};

// Every room of a sync, built once, in order; torn down in reverse.
class Wiring {
 public:
  Wiring(const SpecOptions& options, Spec spec, Log& log);

  Reconciler& reconciler() { return reconciler_; }

  const Spec& spec() const { return spec_; }

  const Clock& clock() const { return clock_; }

 private:
  RealClock clock_;
  Spec spec_;
  Volume volume_;
  BlobCache cache_;
  ReferenceStore references_;
  Publisher publisher_;
  RegistryWiring registry_;
  Lanes lanes_;
  Reconciler reconciler_;
};

}  // namespace ocisync
