#include "registry/credentials.h"

#include <algorithm>
#include <cerrno>
#include <condition_variable>
#include <map>
#include <mutex>
#include <utility>

#include <fmt/format.h>
#include <unistd.h>

#include "base/error.h"
#include "base/files.h"
#include "base/guarded.h"
#include "oci/digest.h"
#include "registry/credential_helper.h"
#include "registry/default_files.h"
#include "registry/docker_config.h"
#include "registry/secret_dir.h"
#include "registry/user_files.h"

namespace ocisync {
namespace {

using Freshness = CredentialStore::Freshness;

// How hard to look, and until when.
struct Quest {
  Freshness freshness;
  std::stop_token stop;
};

constexpr Duration kHelperMemory = std::chrono::minutes(5);

bool visible_ascii(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < '\x7f'; });
}

// Whether a header can carry it; a message that says what is wrong names the source alone.
Credential checked(Credential credential) {
  const auto unusable = [&](std::string_view why) {
    return Error(Reason::credentials_invalid, fmt::format("{} {}", credential.source, why));
  };
  switch (credential.kind) {
    case Credential::Kind::anonymous:
      return credential;
    case Credential::Kind::basic:
      if (credential.username.empty() || credential.secret.empty())
        throw unusable("has an empty user name or password");
      if (credential.username.find(':') != std::string::npos)
        throw unusable("has a user name with a colon, which HTTP cannot carry");
      return credential;
    case Credential::Kind::identity_token:
    case Credential::Kind::bearer:
      if (credential.secret.empty())
        throw unusable("has an empty token");
      if (credential.kind == Credential::Kind::bearer && !visible_ascii(credential.secret.reveal()))
        throw unusable("has a token with characters that HTTP cannot carry");
      return credential;
  }
  throw Error(Reason::internal, "a credential of no known kind");
}

bool may_not_be_read(const std::filesystem::path& path) {
  return ::access(path.c_str(), R_OK) != 0 && errno == EACCES;
}

}  // namespace

std::string Credential::fingerprint() const {
  // Salted for this process, so that a fingerprint that ever got out would be of no use.
  static const std::string salt = private_name("");
  return Digest::of(
             fmt::format("{}\n{}\n{}\n{}", salt, static_cast<int>(kind), username, secret.reveal()))
      .hex();
}

std::vector<Secret> secrets_in(const Credential& credential) {
  std::vector<Secret> secrets = {credential.secret};
  if (credential.kind == Credential::Kind::basic)
    secrets.emplace_back(credential.username + ":" + credential.secret.reveal());
  return secrets;
}

struct CredentialStore::State {
  State(Environment lookup, DefaultCredentialFiles given, const Clock& time)
      : environment(std::move(lookup)), files(std::move(given)), clock(time), user_files(time) {}

  // What a helper said last. Its own lock: a slow helper holds up nobody else's.
  struct Asked {
    std::mutex mutex;
    std::condition_variable_any over;
    bool busy = false;  // somebody asks
    std::optional<SteadyTime> when;
    std::optional<Credential> answer;
    std::uint64_t failures = 0;
    std::optional<Error> failure;  // the last
  };

  struct Parsed {
    UserFiles::Content content;
    std::shared_ptr<const DockerConfig> config;
  };

  std::shared_ptr<const DockerConfig> config(const std::filesystem::path& path,
                                             Freshness freshness);
  std::shared_ptr<const DockerConfig> config(const DefaultFile& file, Freshness freshness);
  std::optional<Credential> helper(const std::string& suffix, std::string_view host,
                                   const Quest& quest);
  std::optional<Credential> ask(Asked& entry, const std::string& suffix, std::string_view host,
                                const std::stop_token& stop) const;
  std::optional<Credential> from_config(const DockerConfig& config, std::string_view host,
                                        std::string_view repository, const Quest& quest);
  std::optional<Credential> from_environment(std::string_view host, std::string_view repository,
                                             const Quest& quest);
  Credential from_defaults(std::string_view host, std::string_view repository, const Quest& quest);
  Credential from_spec(const CredentialsSpec& spec, const std::string& host,
                       std::string_view repository, const Quest& quest);
  std::string text_of(const std::filesystem::path& path, Freshness freshness);
  Secret password(const CredentialsSpec& spec, Freshness freshness);

  Environment environment;
  DefaultCredentialFiles files;
  const Clock& clock;
  UserFiles user_files;
  Guarded<std::map<std::filesystem::path, Parsed>> parsed;
  Guarded<std::map<std::string, std::shared_ptr<Asked>>> asked;
  Guarded<std::map<std::string, Credential>> in_use;  // by registry
};

// Null when there is no such file. A file that is being written keeps its last good reading, until
// that is refused: then the reader deserves to hear what is wrong with the file.
std::shared_ptr<const DockerConfig> CredentialStore::State::config(
    const std::filesystem::path& path, Freshness freshness) {
  const UserFiles::Content content = user_files.read(path, freshness);
  if (!content)
    return nullptr;
  const Parsed held = parsed.with([&](auto& known) { return known[path]; });
  if (held.config && held.content == content)
    return held.config;
  try {
    auto fresh = std::make_shared<const DockerConfig>(DockerConfig::parse(*content, path.string()));
    parsed.with([&](auto& known) { known[path] = {content, fresh}; });
    return fresh;
  } catch (const Error&) {
    if (!held.config || freshness == Freshness::after_refusal)
      throw;
    return held.config;
  }
}

std::shared_ptr<const DockerConfig> CredentialStore::State::config(const DefaultFile& file,
                                                                   Freshness freshness) {
  try {
    return config(file.path, freshness);
  } catch (const Error&) {
    if (file.guessed && may_not_be_read(file.path))
      return nullptr;
    throw;
  }
}

std::optional<Credential> CredentialStore::State::helper(const std::string& suffix,
                                                         std::string_view host,
                                                         const Quest& quest) {
  if (quest.freshness == Freshness::without_helpers)
    return Credential{Credential::Kind::anonymous, "", Secret(),
                      "credential helper docker-credential-" + suffix};
  const auto entry = asked.with([&](auto& known) {
    auto& slot = known[fmt::format("{}\n{}", suffix, host)];
    if (!slot)
      slot = std::make_shared<Asked>();
    return slot;
  });
  {
    std::unique_lock lock(entry->mutex);
    const auto remembers = [&] {
      return entry->when && quest.freshness != Freshness::after_refusal &&
             clock.steady() - *entry->when < kHelperMemory;
    };
    if (remembers())
      return entry->answer;
    const std::uint64_t failures = entry->failures;
    if (!entry->over.wait(lock, quest.stop, [&] { return !entry->busy; }))
      throw Error(Reason::cancelled, "stopped while waiting for " + helper_program(suffix));
    if (remembers())
      return entry->answer;
    if (entry->failures != failures)
      throw Error(*entry->failure);  // what we waited for failed for us too
    entry->busy = true;
  }
  return ask(*entry, suffix, host, quest.stop);
}

// Whoever made the entry busy asks, and lets those who wait go on.
std::optional<Credential> CredentialStore::State::ask(Asked& entry, const std::string& suffix,
                                                      std::string_view host,
                                                      const std::stop_token& stop) const {
  std::optional<Credential> answer;
  std::optional<Error> failure;
  try {
    answer = ask_helper(suffix, host, environment, stop);
  } catch (const Error& error) {
    failure = error;
  } catch (const std::exception& defect) {
    failure = Error(Reason::internal, defect.what());
  }
  {
    const std::lock_guard lock(entry.mutex);
    entry.busy = false;
    if (!failure) {
      entry.answer = answer;
      entry.when = clock.steady();
    } else if (failure->reason() != Reason::cancelled) {  // that is for who was stopped alone
      entry.failure = failure;
      ++entry.failures;
    }
  }
  entry.over.notify_all();
  if (failure)
    throw Error(*std::move(failure));
  return answer;
}

std::optional<Credential> CredentialStore::State::from_config(const DockerConfig& config,
                                                              std::string_view host,
                                                              std::string_view repository,
                                                              const Quest& quest) {
  if (const auto program = config.helper(host)) {
    if (auto found = helper(program->suffix, host, quest))
      return found;
    if (program->for_this_host)
      return std::nullopt;
  }
  return config.find(host, repository);
}

std::optional<Credential> CredentialStore::State::from_environment(std::string_view host,
                                                                   std::string_view repository,
                                                                   const Quest& quest) {
  const auto text = environment("DOCKER_AUTH_CONFIG");
  if (!text || text->empty())
    return std::nullopt;
  return from_config(DockerConfig::parse(*text, "DOCKER_AUTH_CONFIG"), host, repository, quest);
}

Credential CredentialStore::State::from_defaults(std::string_view host, std::string_view repository,
                                                 const Quest& quest) {
  if (auto found = from_environment(host, repository, quest))
    return *std::move(found);
  for (const DefaultFile& file : default_files(files, environment)) {
    const auto read = config(file, quest.freshness);
    if (!read)
      continue;
    if (auto found = from_config(*read, host, repository, quest))
      return *std::move(found);
  }
  Credential none;
  none.source = "none";
  return none;
}

std::string CredentialStore::State::text_of(const std::filesystem::path& path,
                                            Freshness freshness) {
  const UserFiles::Content content = user_files.read(path, freshness);
  if (!content)
    throw Error(Reason::credentials_invalid, fmt::format("{} does not exist", path.string()));
  return *content;
}

Secret CredentialStore::State::password(const CredentialsSpec& spec, Freshness freshness) {
  if (spec.password_env.empty())
    return secret_from_file(text_of(spec.password_file, freshness));
  const auto value = environment(spec.password_env);
  if (!value)
    throw Error(Reason::credentials_invalid,
                fmt::format("the environment variable {} is not set", spec.password_env));
  return Secret(*value);
}

Credential CredentialStore::State::from_spec(const CredentialsSpec& spec, const std::string& host,
                                             std::string_view repository, const Quest& quest) {
  using Kind = Credential::Kind;
  switch (spec.kind) {
    case CredentialsSpec::Kind::secret_dir:
      return read_secret_dir(spec.path, host, repository);
    case CredentialsSpec::Kind::username_password:
      return {Kind::basic, spec.username, password(spec, quest.freshness),
              spec.password_env.empty() ? "passwordFile " + spec.password_file.string()
                                        : "passwordEnv " + spec.password_env};
    case CredentialsSpec::Kind::docker_config: {
      const auto read = config(spec.path, quest.freshness);
      if (!read)
        throw Error(Reason::credentials_invalid,
                    fmt::format("dockerConfig {} does not exist", spec.path.string()));
      if (auto found = from_config(*read, host, repository, quest))
        return *std::move(found);
      throw Error(Reason::credentials_invalid,
                  fmt::format("dockerConfig {} has no entry for {}", spec.path.string(), host));
    }
    case CredentialsSpec::Kind::helper:
      if (auto found = helper(spec.helper, host, quest))
        return *std::move(found);
      throw Error(Reason::credentials_invalid,
                  fmt::format("credential helper docker-credential-{} knows no credentials for {}",
                              spec.helper, host));
    case CredentialsSpec::Kind::token_file:
      return {Kind::bearer, "", secret_from_file(text_of(spec.path, quest.freshness)),
              "tokenFile " + spec.path.string()};
    case CredentialsSpec::Kind::identity_token_file:
      return {Kind::identity_token, "", secret_from_file(text_of(spec.path, quest.freshness)),
              "identityTokenFile " + spec.path.string()};
    case CredentialsSpec::Kind::anonymous:
      return {Kind::anonymous, "", Secret(), "anonymous, as the spec says"};
  }
  throw Error(Reason::internal, "a credentials entry of no known kind");
}

CredentialStore::CredentialStore(Environment environment, DefaultCredentialFiles files,
                                 const Clock& clock)
    : state_(std::make_unique<State>(std::move(environment), std::move(files), clock)) {}

CredentialStore::~CredentialStore() = default;

Credential CredentialStore::find(const Reference& reference, const RegistrySpec* registry,
                                 Freshness freshness, std::stop_token stop) {
  const Quest quest{freshness, std::move(stop)};
  const std::string& host = reference.registry();
  const auto describe = [&] { return "finding credentials for " + host; };
  return during(describe, [&] {
    if (auto given = state_->in_use.with([&](const auto& all) -> std::optional<Credential> {
          const auto found = all.find(host);
          return found == all.end() ? std::nullopt : std::optional(found->second);
        }))
      return checked(*std::move(given));
    if (registry && registry->credentials)
      return checked(
          state_->from_spec(*registry->credentials, host, reference.repository(), quest));
    return checked(state_->from_defaults(host, reference.repository(), quest));
  });
}

void CredentialStore::use(const std::string& registry, Credential credential) {
  state_->in_use.with([&](auto& all) { all[registry] = std::move(credential); });
}

Credential CredentialStore::resolve(const CredentialsSpec& spec, const std::string& host,
                                    Freshness freshness, std::stop_token stop) {
  const Quest quest{freshness, std::move(stop)};
  const auto describe = [&] { return "finding credentials for " + host; };
  return during(describe, [&] { return checked(state_->from_spec(spec, host, "", quest)); });
}

}  // namespace ocisync
