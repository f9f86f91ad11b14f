#include "registry/docker_config.h"

#include <algorithm>
#include <tuple>

#include <fmt/format.h>

#include "base/error.h"
#include "base/json.h"
#include "base/text.h"

namespace ocisync {
namespace {

struct Key {
  std::string host;
  std::string path;
};

// "https://Host:5000/v2/" and "host:5000" are one server; only a path that is no API version
// scopes.
Key split_key(std::string_view text) {
  text = trim(text);
  for (const std::string_view scheme : {"https://", "http://"})
    if (lower(text.substr(0, scheme.size())) == scheme)
      text.remove_prefix(scheme.size());
  const auto slash = std::min(text.find('/'), text.size());
  std::string_view path = text.substr(slash);
  while (path.starts_with('/'))
    path.remove_prefix(1);
  while (path.ends_with('/'))
    path.remove_suffix(1);
  if (path == "v1" || path == "v2")
    path = {};
  return {credential_host(text.substr(0, slash)), std::string(path)};
}

bool leads_to(std::string_view path, std::string_view repository) {
  return path.empty() || (repository.starts_with(path) &&
                          (repository.size() == path.size() || repository[path.size()] == '/'));
}

// One label against a pattern in which "*" stands for any run of characters.
bool label_matches(std::string_view pattern, std::string_view label) {
  std::size_t p = 0, l = 0, star = std::string_view::npos, resume = 0;
  while (l < label.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      resume = l;
    } else if (p < pattern.size() && pattern[p] == label[l]) {
      ++p;
      ++l;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      l = ++resume;
    } else {
      return false;
    }
  }
  return pattern.find_first_not_of('*', p) == std::string_view::npos;
}

// "*.azurecr.io": a star never crosses a dot, a port must be the same.
bool host_matches(std::string_view pattern, std::string_view host) {
  const auto patterns = split(pattern, '.'), labels = split(host, '.');
  return std::equal(patterns.begin(), patterns.end(), labels.begin(), labels.end(), label_matches);
}

Json parse_json(std::string_view text, const std::string& source) {
  if (text.starts_with("\xEF\xBB\xBF"))
    text.remove_prefix(3);
  try {
    Json json = Json::parse(text);
    if (json.is_object())
      return json;
  } catch (const Error&) {
    // the parser's words may repeat what it read
  }
  throw Error(Reason::credentials_invalid, source + " is not the JSON of a registry config file");
}

}  // namespace

std::string credential_host(std::string_view host) {
  std::string name = lower(host);
  if (name.ends_with(":443"))
    name.resize(name.size() - 4);
  if (name == "index.docker.io" || name == "registry-1.docker.io")
    name = "docker.io";
  return name;
}

std::string credential_key(std::string_view host) {
  const std::string name = credential_host(host);
  return name == "docker.io" ? "https://index.docker.io/v1/" : lower(host);
}

std::optional<std::string> whole_registry(std::string_view key) {
  Key parts = split_key(key);
  return parts.path.empty() ? std::optional(std::move(parts.host)) : std::nullopt;
}

bool DockerConfig::Entry::empty() const {
  return !malformed && auth.empty() && username.empty() && password.empty() &&
         identity_token.empty() && registry_token.empty();
}

DockerConfig DockerConfig::parse(std::string_view text, std::string source) {
  const Json json = parse_json(text, source);
  DockerConfig config;
  config.source_ = std::move(source);
  if (const Json* auths = json.find("auths"))
    for (const auto& [key, value] : auths->members())
      config.add(key, value);
  if (const Json* helpers = json.find("credHelpers"))
    for (const auto& [host, suffix] : helpers->members())
      if (suffix.string())
        config.helpers_.emplace(split_key(host).host, *suffix.string());
  if (const std::string* store = json.find_string("credsStore"))
    config.store_ = *store;
  return config;
}

DockerConfig DockerConfig::parse_legacy(std::string_view text, std::string source) {
  const Json json = parse_json(text, source);
  if (json.find("auths"))
    return parse(text, std::move(source));
  DockerConfig config;
  config.source_ = std::move(source);
  for (const auto& [key, value] : json.members())
    config.add(key, value);
  return config;
}

void DockerConfig::add(std::string_view key, const Json& value) {
  Key parts = split_key(key);
  Entry entry;
  entry.key = printable(key, 256);
  entry.host = std::move(parts.host);
  entry.path = std::move(parts.path);
  entry.malformed = !value.is_object() && !value.is_null();
  const auto take = [&](std::string_view name) -> std::string {
    const Json* field = value.find(name);
    entry.malformed = entry.malformed || (field && !field->string() && !field->is_null());
    return field && field->string() ? *field->string() : std::string();
  };
  entry.auth = take("auth");
  entry.username = take("username");
  entry.password = Secret(take("password"));
  entry.identity_token = take("identitytoken");
  entry.registry_token = take("registrytoken");
  entries_.push_back(std::move(entry));
}

std::optional<DockerConfig::Helper> DockerConfig::helper(std::string_view host) const {
  if (const auto own = helpers_.find(credential_host(host)); own != helpers_.end())
    return Helper{own->second, true};
  if (!store_.empty())
    return Helper{store_, false};
  return std::nullopt;
}

std::optional<Credential> DockerConfig::find(std::string_view host,
                                             std::string_view repository) const {
  const std::string wanted = credential_host(host);
  const Entry* best = nullptr;
  const Entry* elsewhere = nullptr;
  std::size_t of_host = 0;
  const auto rank = [&](const Entry& entry) {
    return std::tuple(entry.path.size(), entry.host == wanted);
  };
  for (const Entry& entry : entries_) {
    if (entry.host != wanted && !host_matches(entry.host, wanted))
      continue;
    ++of_host;
    if (!leads_to(entry.path, repository))
      elsewhere = &entry;
    else if (!entry.empty() && (!best || rank(entry) > rank(*best)))
      best = &entry;
  }
  if (!best && elsewhere && of_host == 1 && !elsewhere->empty())
    best = elsewhere;
  if (!best)
    return std::nullopt;
  return credential(*best);
}

Credential DockerConfig::credential(const Entry& entry) const {
  const auto unusable = [&](std::string_view why) {
    return Error(Reason::credentials_invalid,
                 fmt::format("the entry {} of {} {}", entry.key, source_, why));
  };
  Credential found;
  found.source = source_;
  if (entry.malformed)
    throw unusable("has a field that is not text");
  if (!entry.registry_token.empty() || !entry.identity_token.empty()) {
    const bool bearer = !entry.registry_token.empty();
    found.kind = bearer ? Credential::Kind::bearer : Credential::Kind::identity_token;
    found.secret = Secret(bearer ? entry.registry_token : entry.identity_token);
    return found;
  }
  found.kind = Credential::Kind::basic;
  found.username = entry.username;
  found.secret = entry.password;
  if (!entry.auth.empty()) {
    const auto pair = base64_decode(entry.auth);
    const auto colon = pair ? pair->find(':') : std::string::npos;
    if (colon == std::string::npos)
      throw unusable("has an auth value that is not base64 of user:password");
    std::string password = pair->substr(colon + 1);
    password.erase(std::min(password.find_last_not_of('\0') + 1, password.size()));
    found.username = pair->substr(0, colon);
    found.secret = Secret(std::move(password));
  }
  if (found.username.empty() || found.secret.empty())
    throw unusable("lacks a user name or a password");
  if (found.username == "<token>") {
    found.kind = Credential::Kind::identity_token;
    found.username.clear();
  }
  return found;
}

}  // namespace ocisync
