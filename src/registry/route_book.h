#pragma once

#include <map>
#include <memory>
#include <stop_token>
#include <string>
#include <tuple>

#include "base/clock.h"
#include "base/environment.h"
#include "base/guarded.h"
#include "net/http.h"
#include "registry/credentials.h"
#include "registry/user_files.h"
#include "spec/spec.h"

namespace ocisync {

// How to reach a registry, and the servers it names: trust anchors, client certificate and proxy of
// its entry. CA, certificate and key files, and the system's bundle where it counts too, are read
// again when they change; then the route is a new object, so that no old connection is used. As
// long as nothing changed it is the same object. Safe from any thread.
class RouteBook {
 public:
  RouteBook(Environment environment, CredentialStore& credentials, const Clock& clock);

  enum class Whose {
    registry,  // the registry's own server
    other,     // one it sent us to: no client certificate, and never unverified
  };

  // Throws Error(tls_failed) when a file of the entry is missing or holds no PEM, and what finding
  // the proxy's credentials throws. `registry` may be null.
  std::shared_ptr<const Route> route(const RegistrySpec* registry, const Url& url, Whose whose,
                                     const std::stop_token& stop = {});

 private:
  using Key = std::tuple<const RegistrySpec*, Whose, std::string>;  // the last: the proxy

  struct Made {
    std::vector<UserFiles::Content> files;
    std::string proxy_credential;  // fingerprint
    std::shared_ptr<const Route> route;
  };

  struct Proxy {
    std::string url;
    Credential credential;
  };

  Proxy proxy_for(const RegistrySpec* registry, const Url& url, const std::stop_token& stop);
  UserFiles::Content pem(const std::optional<std::filesystem::path>& path, std::string_view field,
                         std::string_view label);
  UserFiles::Content system_bundle();

  Environment environment_;
  CredentialStore& credentials_;
  UserFiles files_;
  Guarded<std::map<Key, Made>> made_;
};

}  // namespace ocisync
