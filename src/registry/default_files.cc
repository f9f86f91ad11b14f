#include "registry/default_files.h"

#include <optional>
#include <string>

namespace ocisync {
namespace {

std::optional<std::filesystem::path> directory(std::string_view variable,
                                               const Environment& environment) {
  const auto value = environment(variable);
  if (!value || value->empty())
    return std::nullopt;
  return *value;
}

}  // namespace

std::vector<DefaultFile> default_files(const DefaultCredentialFiles& given,
                                       const Environment& environment) {
  std::vector<DefaultFile> files;
  const auto home = directory("HOME", environment);
  if (given.registry_config)
    files.push_back({*given.registry_config});

  if (const auto named = directory("HELM_REGISTRY_CONFIG", environment))
    files.push_back({*named});
  else if (const auto helm = directory("HELM_CONFIG_HOME", environment))
    files.push_back({*helm / "registry/config.json"});
  else if (const auto xdg = directory("XDG_CONFIG_HOME", environment))
    files.push_back({*xdg / "helm/registry/config.json"});
  else if (home)
    files.push_back({*home / ".config/helm/registry/config.json", true});

  if (const auto docker = directory("DOCKER_CONFIG", environment))
    files.push_back({*docker / "config.json"});
  else if (home)
    files.push_back({*home / ".docker/config.json", true});
  return files;
}

}  // namespace ocisync
