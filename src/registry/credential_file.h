#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <string_view>

#include "base/environment.h"
#include "registry/credentials.h"

namespace ocisync {

class Json;

// A registry config file as logins change it: in the form that Docker and Helm read, through the
// helper program that it names for a host, and with everything kept that is not about that host. A
// change is made under a lock, to the file as it is then, and appears by one rename with mode 0600;
// so logins that run at once lose nothing. Throws Error(credentials_invalid) when the file is no
// such file, which is left alone then. Safe from any thread and process.
class CredentialFile {
 public:
  // A link is followed: what it names is changed.
  CredentialFile(const std::filesystem::path& path, Environment environment);

  // Basic or identity token, for a registry host[:port]. Says where it was stored, for people.
  std::string store(const std::string& host, const Credential& credential) const;
  bool erase(const std::string& host) const;  // false: there was none

  const std::filesystem::path& path() const noexcept { return path_; }

 private:
  void change(const std::function<bool(Json& config, const std::string& text)>& act) const;

  std::filesystem::path path_;
  Environment environment_;
};

// Where a login is stored: the first of the default files (default_files.h) that somebody set, else
// the first there is. Throws Error(usage_invalid) when nothing says where.
std::filesystem::path login_file(const DefaultCredentialFiles& given,
                                 const Environment& environment);

}  // namespace ocisync
