#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "registry/credentials.h"

namespace ocisync {

// A Docker or Helm config.json as far as pulling needs it: which credential, or which helper
// program, belongs to a host. Immutable; safe from any thread.
class DockerConfig {
 public:
  // `source` names the file or variable in errors. A text whose top level is the map itself (the
  // old .dockercfg) is taken when `legacy`. Throws Error(credentials_invalid) that never repeats
  // content.
  static DockerConfig parse(std::string_view text, std::string source);
  static DockerConfig parse_legacy(std::string_view text, std::string source);

  // The suffix of the docker-credential program for a host: its own, else the store of the whole
  // file.
  struct Helper {
    std::string suffix;
    bool for_this_host;  // then what the file itself holds for the host does not count
  };

  std::optional<Helper> helper(std::string_view host) const;

  // The entry for a repository, the most specific first: a key with the longest path that leads to
  // it, the host itself, a host with "*" in its labels; a lone key with another path opens the
  // whole host, as Helm reads it. An empty entry ("logged in, secret elsewhere") is absent. Throws
  // Error(credentials_invalid) when the entry found cannot be used.
  std::optional<Credential> find(std::string_view host, std::string_view repository) const;

 private:
  struct Entry {
    std::string key;   // as written, for errors
    std::string host;  // normalised
    std::string path;  // "" or "team/charts"
    std::string auth, username, identity_token, registry_token;
    Secret password;
    bool malformed = false;  // a field is not a string

    bool empty() const;
  };

  void add(std::string_view key, const class Json& value);
  Credential credential(const Entry& entry) const;

  std::string source_;
  std::vector<Entry> entries_;
  std::map<std::string, std::string> helpers_;  // by normalised host
  std::string store_;
};

// What such a file, and a helper, call a registry as a whole.
std::string credential_key(std::string_view host);

// The registry that a key of auths opens as a whole, by the name below; absent when it opens a part
// of one.
std::optional<std::string> whole_registry(std::string_view key);

// One name for each registry: lower case, the aliases of Docker Hub as docker.io, without ":443".
std::string credential_host(std::string_view host);

}  // namespace ocisync
