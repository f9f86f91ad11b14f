#include "registry/credential_file.h"

#include <algorithm>
#include <utility>

#include "base/error.h"
#include "base/files.h"
#include "base/json.h"
#include "base/text.h"
#include "registry/credential_helper.h"
#include "registry/default_files.h"
#include "registry/docker_config.h"

namespace ocisync {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kCredentialFileLimit = 1 << 20;
constexpr mode_t kOwnerOnly = 0600;
constexpr mode_t kOwnerOnlyDirectory = 0700;

bool never() { return false; }

// What a login says anew; other members of an entry are kept.
constexpr std::string_view kSecretMembers[] = {"auth", "username", "password", "identitytoken",
                                               "registrytoken"};

fs::path behind_links(const fs::path& path) {
  std::error_code missing;
  fs::path real = fs::canonical(path, missing);
  return missing ? fs::absolute(path) : real;
}

Json parse_config(const std::string& text, const fs::path& path) {
  if (trim(text).empty())
    return Json::object();
  try {
    Json config = Json::parse(text);
    const Json* auths = config.find("auths");
    if (config.is_object() && (!auths || auths->is_object() || auths->is_null()))
      return config;
  } catch (const Error&) {  // NOLINT(bugprone-empty-catch): its words may repeat what it read
  }
  throw Error(Reason::credentials_invalid,
              path.string() + " is not the JSON of a registry config file; it was left as it is");
}

Json auths_of(const Json& config) {
  const Json* auths = config.find("auths");
  return auths && auths->is_object() ? *auths : Json::object();
}

// Takes out all spellings of a registry: of two the wrong one would be found. Absent: none.
std::optional<Json> take_entries(Json& auths, const std::string& host) {
  std::optional<Json> last;
  const std::vector<Json::Member> members = auths.members();
  for (const auto& [key, entry] : members)
    if (whole_registry(key) == credential_host(host)) {
      last = entry;
      auths.erase(key);
    }
  return last;
}

Json entry_with(Json entry, const Credential& credential) {
  if (!entry.is_object())
    entry = Json::object();
  for (const std::string_view member : kSecretMembers)
    entry.erase(member);
  if (credential.kind == Credential::Kind::identity_token)
    entry.set("identitytoken", credential.secret.reveal());
  else
    entry.set("auth", base64_encode(credential.username + ":" + credential.secret.reveal()));
  return entry;
}

std::optional<DockerConfig::Helper> helper_for(const std::string& text, const std::string& host,
                                               const fs::path& path) {
  return trim(text).empty() ? std::nullopt : DockerConfig::parse(text, path.string()).helper(host);
}

}  // namespace

CredentialFile::CredentialFile(const fs::path& path, Environment environment)
    : path_(behind_links(path)), environment_(std::move(environment)) {}

// `act` changes the document, and says whether it did.
void CredentialFile::change(
    const std::function<bool(Json& config, const std::string& text)>& act) const {
  const std::string name = path_.filename().string();
  const Directory directory = Directory::create(path_.parent_path(), kOwnerOnlyDirectory);
  const auto lock = FileLock::acquire(directory, "." + name + ".lock", never);
  const std::string text = directory.read(name, kCredentialFileLimit).value_or("");
  Json config = parse_config(text, path_);
  if (act(config, text))
    directory.write_atomic(name, config.dump(2) + "\n", kOwnerOnly);
}

std::string CredentialFile::store(const std::string& host, const Credential& credential) const {
  std::string where = path_.string();
  change([&](Json& config, const std::string& text) {
    Json auths = auths_of(config);
    Json entry = take_entries(auths, host).value_or(Json::object());
    if (const auto helper = helper_for(text, host, path_)) {
      store_with_helper(helper->suffix, host, credential, environment_);
      where = helper_program(helper->suffix);
      entry = Json::object();  // "logged in, the secret is elsewhere"
    } else {
      entry = entry_with(std::move(entry), credential);
    }
    auths.set(credential_key(host), std::move(entry));
    config.set("auths", std::move(auths));
    return true;
  });
  return where;
}

bool CredentialFile::erase(const std::string& host) const {
  bool erased = false;
  std::error_code ignored;
  if (!fs::exists(path_, ignored))
    return false;
  change([&](Json& config, const std::string& text) {
    Json auths = auths_of(config);
    const bool listed = take_entries(auths, host).has_value();
    const auto helper = helper_for(text, host, path_);
    const bool helped = helper && erase_with_helper(helper->suffix, host, environment_);
    erased = listed || helped;
    if (listed)
      config.set("auths", std::move(auths));
    return listed;
  });
  return erased;
}

fs::path login_file(const DefaultCredentialFiles& given, const Environment& environment) {
  const std::vector<DefaultFile> files = default_files(given, environment);
  const auto set = std::find_if(files.begin(), files.end(),
                                [](const DefaultFile& file) { return !file.guessed; });
  if (set != files.end())
    return set->path;
  if (!files.empty())
    return files.front().path;
  throw Error(Reason::usage_invalid, "nowhere to store credentials: HOME is not set")
      .hint("give --registry-config FILE");
}

}  // namespace ocisync
