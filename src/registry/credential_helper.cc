#include "registry/credential_helper.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "base/error.h"
#include "base/json.h"
#include "base/process.h"
#include "base/text.h"
#include "registry/docker_config.h"

namespace ocisync {
namespace {

// What helpers need to find their own configuration and the cloud's identity; nothing else of ours.
constexpr auto kPassedOn = std::to_array<std::string_view>({
    "HOME",
    "PATH",
    "USER",
    "LANG",
    "TMPDIR",
    "XDG_CONFIG_HOME",
    "XDG_DATA_HOME",
    "XDG_CACHE_HOME",
    "XDG_RUNTIME_DIR",
    "DOCKER_CONFIG",
    "DBUS_SESSION_BUS_ADDRESS",
    "GNUPGHOME",
    "PASSWORD_STORE_DIR",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
    "http_proxy",
    "https_proxy",
    "no_proxy",
    "AWS_PROFILE",
    "AWS_REGION",
    "AWS_DEFAULT_REGION",
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_ROLE_ARN",
    "AWS_ROLE_SESSION_NAME",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_STS_REGIONAL_ENDPOINTS",
    "AWS_CONFIG_FILE",
    "AWS_SHARED_CREDENTIALS_FILE",
    "AWS_SDK_LOAD_CONFIG",
    "AWS_CA_BUNDLE",
    "AWS_EC2_METADATA_DISABLED",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
    "AWS_ECR_CACHE_DIR",
    "AWS_ECR_DISABLE_CACHE",
    "GOOGLE_APPLICATION_CREDENTIALS",
    "CLOUDSDK_CONFIG",
    "GCE_METADATA_HOST",
    "AZURE_CLIENT_ID",
    "AZURE_TENANT_ID",
    "AZURE_CLIENT_SECRET",
    "AZURE_FEDERATED_TOKEN_FILE",
    "AZURE_AUTHORITY_HOST",
    "AZURE_CONFIG_DIR",
});

const std::string kTokenUser = "<token>";  // then the secret is an identity token

std::vector<std::string> helper_environment(const Environment& environment) {
  std::vector<std::string> result;
  for (const std::string_view name : kPassedOn)
    if (const auto value = environment(name))
      result.push_back(fmt::format("{}={}", name, *value));
  return result;
}

bool valid_suffix(std::string_view suffix) {
  return !suffix.empty() && suffix.size() <= 64 &&
         std::all_of(suffix.begin(), suffix.end(), [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
                  c == '.' || c == '_' || c == '-';
         });
}

Error unusable(std::string_view program, std::string_view why) {
  return Error(Reason::credentials_invalid, fmt::format("credential helper {} {}", program, why));
}

Credential read_answer(const std::string& program, const std::string& output) {
  Json answer;
  try {
    answer = Json::parse(output);
  } catch (const Error&) {
    throw unusable(program, "did not answer with JSON");
  }
  const std::string* username = answer.find_string("Username");
  const std::string* secret = answer.find_string("Secret");
  if (!username || !secret || secret->empty())
    throw unusable(program, "answered without user name or secret");
  Credential found;
  found.source = "credential helper " + program;
  found.secret = Secret(*secret);
  found.kind = Credential::Kind::identity_token;
  if (*username != kTokenUser) {
    found.kind = Credential::Kind::basic;
    found.username = *username;
  }
  return found;
}

// What the program printed. Absent: it knows no such host.
std::optional<std::string> run_helper(const std::string& suffix, std::string_view action,
                                      std::string input, const Environment& environment,
                                      const std::stop_token& stop = {}) {
  const std::string program = helper_program(suffix);
  if (!valid_suffix(suffix))
    throw unusable(program, "has a name that no helper can have");
  ProcessRequest request;
  request.command = {program, std::string(action)};
  request.input = std::move(input);
  request.environment = helper_environment(environment);
  ProcessResult result = run_process(request, [&] { return stop.stop_requested(); });
  if (!result.found)
    throw unusable(program, "is not on the PATH").hint("install " + program + " into the image");
  if (result.timed_out)
    throw Error(Reason::timed_out,
                fmt::format("credential helper {} took longer than 30 s", program));
  if (stop.stop_requested())
    throw Error(Reason::cancelled, fmt::format("stopped while {} was asked", program));
  if (result.output_too_long)
    throw unusable(program, "printed more than 64 KiB");
  if (result.exit_code == 0)
    return std::move(result.output);
  const std::string_view message = trim(result.output);
  if (message == "credentials not found in native keychain")
    return std::nullopt;
  // Failing helpers print their message where a working one prints the secret: JSON is not
  // repeated.
  const bool may_tell = message.find('{') == std::string_view::npos;
  throw unusable(program, fmt::format("failed with exit code {}{}{}", result.exit_code,
                                      may_tell && !message.empty() ? ": " : "",
                                      may_tell ? printable(message, 200) : std::string()));
}

}  // namespace

std::string helper_program(const std::string& suffix) {
  return "docker-credential-" + printable(suffix, 64);
}

std::optional<Credential> ask_helper(const std::string& suffix, std::string_view host,
                                     const Environment& environment, const std::stop_token& stop) {
  const auto output = run_helper(suffix, "get", credential_key(host), environment, stop);
  return output ? std::optional(read_answer(helper_program(suffix), *output)) : std::nullopt;
}

void store_with_helper(const std::string& suffix, std::string_view host,
                       const Credential& credential, const Environment& environment) {
  Json entry = Json::object();
  entry.set("ServerURL", credential_key(host));
  entry.set("Username",
            credential.kind == Credential::Kind::identity_token ? kTokenUser : credential.username);
  entry.set("Secret", credential.secret.reveal());
  if (!run_helper(suffix, "store", entry.dump(), environment))
    throw unusable(helper_program(suffix), "did not store the credentials");
}

bool erase_with_helper(const std::string& suffix, std::string_view host,
                       const Environment& environment) {
  return run_helper(suffix, "erase", credential_key(host), environment).has_value();
}

}  // namespace ocisync
