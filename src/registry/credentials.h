#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/environment.h"
#include "base/secret.h"
#include "oci/reference.h"
#include "spec/spec.h"

namespace ocisync {

// What opens a registry, and where it came from (never its value) for messages.
struct Credential {
  enum class Kind { anonymous, basic, identity_token, bearer };

  Kind kind = Kind::anonymous;
  std::string username;  // basic
  Secret secret;         // password, identity (refresh) token, or bearer token
  std::string source;    // "secretDir /etc/ocisync/registry", "~/.docker/config.json", "none"
  // Equal for equal credentials, meaningless otherwise: keys the token cache.
  std::string fingerprint() const;
};

// What a server that repeats our request would show of it.
std::vector<Secret> secrets_in(const Credential& credential);

struct DefaultCredentialFiles {
  std::optional<std::filesystem::path>
      registry_config;  // --registry-config / OCISYNC_REGISTRY_CONFIG
};

// Finds the credential for a reference: the spec's entry for its registry when there is one
// (missing, empty or without the host: Error(credentials_invalid), no falling through), else
// DOCKER_AUTH_CONFIG, the registry config files of ocisync, Helm and Docker in that order; the
// first that names the host wins. Files are read again when their content changed, and when
// `refresh` says a 401 came back; a half-written file keeps the last good one. Helpers are asked
// again after 5 minutes; who waits while one is asked shares its failure, and being stopped is
// Error(cancelled). Safe from any thread.
class CredentialStore {
 public:
  CredentialStore(Environment environment, DefaultCredentialFiles files, const Clock& clock);
  ~CredentialStore();

  // without_helpers: nothing is run; where a helper would be asked the answer only names it.
  enum class Freshness { cached_is_fine, after_refusal, without_helpers };
  Credential find(const Reference& reference, const RegistrySpec* registry, Freshness freshness,
                  std::stop_token stop = {});

  // This one and no other for a registry (host[:port], canonical), from now on: a login tries it.
  void use(const std::string& registry, Credential credential);

  // username, password pairs for a proxy and the like
  Credential resolve(const CredentialsSpec& spec, const std::string& host, Freshness freshness,
                     std::stop_token stop = {});

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace ocisync
