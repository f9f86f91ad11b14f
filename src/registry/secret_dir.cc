#include "registry/secret_dir.h"

#include <fmt/format.h>

#include "base/error.h"
#include "base/files.h"
#include "registry/docker_config.h"

namespace ocisync {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kSecretLimit = 1 << 20;
constexpr int kSwapsSurvived = 3;

// What one moment of the directory holds.
struct Contents {
  std::optional<std::string> config_json, docker_config, legacy_config, username, password, token;
};

Contents read_contents(const fs::path& directory) {
  const auto read = [&](std::string_view name) {
    return read_user_file(directory / name, kSecretLimit);
  };
  Contents contents;
  contents.config_json = read(".dockerconfigjson");
  contents.docker_config = read("config.json");
  contents.legacy_config = read(".dockercfg");
  contents.username = read("username");
  contents.password = read("password");
  contents.token = read("token");
  return contents;
}

// Through the directory that "..data" leads to now. The kubelet removes that directory once it has
// swapped the link, so whoever finds the link changed afterwards reads again.
Contents read_one_moment(const fs::path& path) {
  for (int i = 0; i < kSwapsSurvived; ++i) {
    std::error_code none;
    const fs::path target = fs::read_symlink(path / "..data", none);
    if (none)
      return read_contents(path);
    const auto data = Directory::open_if_exists(path / "..data");
    if (!data)
      continue;
    Contents contents = read_contents(fmt::format("/proc/self/fd/{}", data->fd()));
    if (fs::read_symlink(path / "..data", none) == target)
      return contents;
  }
  throw Error(Reason::credentials_invalid, "it keeps changing");
}

Contents read_readable(const fs::path& path, const std::string& source) {
  try {
    return read_one_moment(path);
  } catch (const Error& error) {
    throw Error(Reason::credentials_invalid,
                fmt::format("{} cannot be read: {}", source, error.message()));
  }
}

Credential from_config(const DockerConfig& config, const std::string& source, std::string_view host,
                       std::string_view repository) {
  if (auto found = config.find(host, repository))
    return *std::move(found);
  throw Error(Reason::credentials_invalid, fmt::format("{} has no entry for {}", source, host));
}

}  // namespace

Secret secret_from_file(std::string text) {
  if (text.starts_with("\xEF\xBB\xBF"))
    text.erase(0, 3);
  if (text.ends_with('\n'))
    text.pop_back();
  if (text.ends_with('\r'))
    text.pop_back();
  return Secret(std::move(text));
}

Credential read_secret_dir(const fs::path& path, std::string_view host,
                           std::string_view repository) {
  const std::string source = "secretDir " + path.string();
  Contents contents = read_readable(path, source);
  if (contents.config_json)
    return from_config(DockerConfig::parse(*contents.config_json, source + "/.dockerconfigjson"),
                       source, host, repository);
  if (contents.docker_config)
    return from_config(DockerConfig::parse(*contents.docker_config, source + "/config.json"),
                       source, host, repository);
  if (contents.legacy_config)
    return from_config(DockerConfig::parse_legacy(*contents.legacy_config, source + "/.dockercfg"),
                       source, host, repository);
  Credential found;
  found.source = source;
  if (contents.username && contents.password) {
    found.kind = Credential::Kind::basic;
    found.username = secret_from_file(*std::move(contents.username)).reveal();
    found.secret = secret_from_file(*std::move(contents.password));
    return found;
  }
  if (contents.token) {
    found.kind = Credential::Kind::bearer;
    found.secret = secret_from_file(*std::move(contents.token));
    return found;
  }
  if (contents.username || contents.password)
    throw Error(
        Reason::credentials_invalid,
        fmt::format("{} holds a {} but no {}", source, contents.username ? "username" : "password",
                    contents.username ? "password" : "username"));
  std::error_code none;
  throw Error(Reason::credentials_invalid,
              source + (fs::is_directory(path, none) ? " holds no credential" : " is no directory"))
      .hint(
          "it is to hold .dockerconfigjson, config.json or .dockercfg, or username and password, "
          "or token");
}

}  // namespace ocisync
