#include "app/commands.h"
#include "app/output.h"
#include "app/prompt.h"
#include "app/registry_options.h"
#include "app/signals.h"
#include "app/wiring.h"
#include "base/document.h"
#include "base/environment.h"
#include "base/error.h"
#include "base/json.h"
#include "registry/credential_file.h"
#include "registry/endpoint.h"

namespace ocisync {
namespace {

struct LoginOptions {
  SpecOptions spec;
  RegistryOptions registry;
  LogOptions log;
  std::optional<OutputFormat> output;
  std::string host;
  std::optional<std::string> username, password;
  bool password_stdin = false;
};

void declare_login(Flags& flags, LoginOptions& options) {
  flags.positional("HOST", options.host, "host[:port]");
  flags.text("username", "NAME", options.username, "User name (asked for)").letter = 'u';
  flags.text("password", "WORD", options.password, "Password: seen by everybody on this machine")
      .letter = 'p';
  flags.toggle("password-stdin", options.password_stdin, "Read the password from standard input");
  declare_config(flags, options.spec);
  declare(flags, options.spec, options.registry);
  declare_output(flags, options.output);
  declare(flags, options.log);
}

void print_result(const std::optional<OutputFormat>& output, std::string_view action,
                  const std::string& host, Json::Member more, std::string_view line) {
  if (output != OutputFormat::json)
    return print(line);
  Json document = document_of_kind("LoginResult");
  document.set("action", action);
  document.set("host", host);
  document.set(std::move(more.first), std::move(more.second));
  print(document.dump(2) + "\n");
}

// A name and a password; without a name the secret is an identity token.
Credential credential_of(std::string username, Secret secret) {
  if (secret.empty())
    throw Error(Reason::usage_invalid, "the password is empty");
  const bool token = username.empty() || username == "<token>";
  return {token ? Credential::Kind::identity_token : Credential::Kind::basic,
          token ? std::string() : std::move(username), std::move(secret), "this login"};
}

Credential given_credential(const LoginOptions& options, Log& log, const std::stop_token& stop) {
  if (options.password && options.password_stdin)
    throw Error(Reason::usage_invalid, "--password and --password-stdin: give one of them");
  std::string username = options.username.value_or("");
  if (options.password_stdin)
    return credential_of(std::move(username), read_secret(stop));
  if (options.password) {
    log.warning("InsecurePassword",
                "a password on the command line is seen by everybody on this machine; use "
                "--password-stdin");
    return credential_of(std::move(username), Secret(*options.password));
  }
  if (!input_is_terminal())
    throw Error(Reason::usage_invalid,
                "standard input is no terminal to ask for the password: use --password-stdin");
  if (!options.username)
    username = ask("Username: ", stop);
  return credential_of(username, ask_secret(username.empty() ? "Token: " : "Password: ", stop));
}

// Stored in vain if another source has something else to say about this host.
void warn_if_hidden(const LoginOptions& options, const std::string& host, const Spec& spec,
                    const Credential& stored, const Clock& clock, Log& log,
                    const std::stop_token& stop) {
  CredentialStore store(process_variable, {options.spec.registry_config}, clock);
  const Reference any = somewhere_on(host);
  std::string instead;
  try {
    const Credential found =
        store.find(any, find_registry(spec, any), CredentialStore::Freshness::cached_is_fine, stop);
    if (found.fingerprint() == stored.fingerprint())
      return;
    instead = found.source;
  } catch (const Error& error) {
    instead = error.what();
  }
  log.warning("LoginHidden", "other credentials come before those that were stored",
              {{"host", host}, {"source", instead}});
}

int login(const LoginOptions& options, Log& log, const std::stop_token& stop) {
  const std::string host = registry_argument(options.host);
  Spec spec = load_spec_if_given(options.spec, log);
  apply(options.registry, somewhere_on(host), spec);
  const CredentialFile file(login_file({options.spec.registry_config}, process_variable),
                            process_variable);
  const Credential credential = given_credential(options, log, stop);
  const RealClock clock;
  RegistryWiring registry(options.spec, spec, clock, log);
  registry.credentials().use(host, credential);
  TransferCounts counts;
  if (!registry.client().authenticate(host, counts, stop))
    log.warning("LoginUnchecked", "the registry lets everybody in; the password was not looked at",
                {{"host", host}});
  const std::string where = file.store(host, credential);
  log.info("CredentialsStored", "credentials were stored", {{"host", host}, {"in", where}});
  warn_if_hidden(options, host, spec, credential, clock, log, stop);
  print_result(options.output, "login", host, {"storedIn", where}, "Login succeeded\n");
  return 0;
}

int run_login(const LoginOptions& options) {
  Signals signals;
  const auto log = make_log(options.log);
  return unless_interrupted(signals, [&] { return login(options, *log, signals.stop()); });
}

struct LogoutOptions {
  SpecOptions spec;
  LogOptions log;
  std::optional<OutputFormat> output;
  std::string host;
};

void declare_logout(Flags& flags, LogoutOptions& options) {
  flags.positional("HOST", options.host, "host[:port]");
  flags.path("registry-config", "FILE", options.spec.registry_config, "Registry credentials");
  declare_output(flags, options.output);
  declare(flags, options.log);
}

int run_logout(const LogoutOptions& options) {
  const auto log = make_log(options.log);
  const std::string host = registry_argument(options.host);
  const CredentialFile file(login_file({options.spec.registry_config}, process_variable),
                            process_variable);
  const bool removed = file.erase(host);
  if (!removed)
    log->info("NotLoggedIn", "there were no credentials for this host",
              {{"host", host}, {"in", file.path().string()}});
  print_result(options.output, "logout", host, {"removed", removed}, "Logout succeeded\n");
  return 0;
}

}  // namespace

Command registry_login_command() {
  return make_command<LoginOptions>("registry login", "Store credentials, once they are checked",
                                    declare_login, run_login);
}

Command registry_logout_command() {
  return make_command<LogoutOptions>("registry logout", "Forget the credentials of a registry",
                                     declare_logout, run_logout);
}

}  // namespace ocisync
