#include <fmt/format.h>

#include "base/text.h"
#include "oci/reference.h"
#include "spec/codec.h"
#include "spec/registry_key.h"
#include "spec/schema.h"

namespace ocisync {
namespace {

using Kind = CredentialsSpec::Kind;

constexpr const char* kHostPattern = "([A-Za-z0-9.-]+|\\[[0-9A-Fa-f:]+\\])(:[0-9]{1,5})?";

// host[:port], lower case.
Codec<std::string> host_name(std::string noun) {
  Codec<std::string> codec =
      text({std::move(noun), "host[:port], no scheme, no path", kHostPattern});
  const auto parse = [inner = codec.parse](Reading& reading,
                                           const YamlValue& value) -> std::optional<std::string> {
    auto host = inner(reading, value);
    if (host && valid_registry(*host))
      return lower(*host);
    if (host)
      reading.complain(value.at, "is not a host (host[:port], no scheme, no path)");
    return std::nullopt;
  };
  codec.parse = parse;
  return codec;
}

// A credential source that is one path.
Field<CredentialsSpec> path_source(std::string name, Kind kind, std::string doc, Json sample) {
  const auto keep = [kind](Reading&, std::filesystem::path path, const Position&,
                           CredentialsSpec& credentials) {
    credentials.kind = kind;
    credentials.path = std::move(path);
  };
  return acting<CredentialsSpec>(std::move(name), file(), keep, std::move(doc))
      .sample(std::move(sample))
      .alternative();
}

std::vector<Field<CredentialsSpec>> password_fields() {
  const auto keep_username = [](Reading&, std::string name, const Position&,
                                CredentialsSpec& credentials) {
    credentials.kind = Kind::username_password;
    credentials.username = std::move(name);
  };
  return {
      acting<CredentialsSpec>(
          "username",
          text({"a user name", "no colon, no control character", "[^:\\x00-\\x1f\\x7f]+"}),
          keep_username, "A user, whose password is in a file or an environment variable.")
          .sample("robot")
          .alternative(),
      field<CredentialsSpec>("passwordFile", &CredentialsSpec::password_file, file(),
                             "The file with the password; one newline at its end is cut.")
          .needs("username")
          .sample("/etc/ocisync/password")
          .alternative(),
      field<CredentialsSpec>("passwordEnv", &CredentialsSpec::password_env, environment_name(),
                             "The environment variable with the password.")
          .needs("username")
          .sample("REGISTRY_PASSWORD")
          .alternative(),
  };
}

void check_password(Reading& reading, const YamlValue& map, CredentialsSpec& /*credentials*/) {
  const bool in_file = map.find("passwordFile") != nullptr;
  const bool in_environment = map.find("passwordEnv") != nullptr;
  const YamlValue* const username = map.find("username");
  if (username == nullptr || in_file != in_environment)
    return;
  const auto place = reading.inside("username");
  reading.complain(username->at, in_file ? "has two passwords (passwordFile or passwordEnv)"
                                         : "has no password (passwordFile or passwordEnv)");
}

Object<TlsSpec> tls_schema() {
  const auto warn = [](Reading& reading, const YamlValue& map, TlsSpec& tls) {
    const YamlValue* const value = map.find("insecureSkipVerify");
    if (!tls.insecure_skip_verify || value == nullptr)
      return;
    const auto place = reading.inside("insecureSkipVerify");
    reading.warn(value->at, "anyone on the way can pose as this registry");
  };
  return Object<TlsSpec>(
             {
                 field<TlsSpec>("caFile", &TlsSpec::ca_file, file(),
                                "Certificate authorities to trust, PEM.")
                     .sample("/etc/ocisync/ca.crt"),
                 field<TlsSpec>(
                     "caMode", &TlsSpec::ca_mode,
                     choice<TlsSpec::CaMode>("a CA mode", {{TlsSpec::CaMode::append, "append"},
                                                           {TlsSpec::CaMode::replace, "replace"}}),
                     "Whether they come beside those of the system or in their place."),
                 field<TlsSpec>("certFile", &TlsSpec::cert_file, file(),
                                "Our own certificate, PEM.")
                     .needs("keyFile")
                     .sample("/etc/ocisync/client.crt"),
                 field<TlsSpec>("keyFile", &TlsSpec::key_file, file(), "The key to it, PEM.")
                     .needs("certFile")
                     .sample("/etc/ocisync/client.key"),
                 field<TlsSpec>("insecureSkipVerify", &TlsSpec::insecure_skip_verify, flag(),
                                "Believe any certificate. Warned about."),
             })
      .check(warn);
}

Object<ProxySpec> proxy_schema() {
  return Object<ProxySpec>({
      field<ProxySpec>("url", &ProxySpec::url,
                       text({"a proxy", "http, https or socks5://host[:port], nothing behind",
                             fmt::format("(https?|socks5)://{}/?", kHostPattern)}),
                       "Where the proxy is.")
          .required()
          .sample("http://proxy.example.com:3128"),
      part<ProxySpec>("credentials", &ProxySpec::credentials, credentials_schema(),
                      "What opens the proxy, in the forms of a registry's credentials."),
  });
}

Object<MirrorSpec> mirror_schema() {
  return Object<MirrorSpec>({
      field<MirrorSpec>("host", &MirrorSpec::host, host_name("a mirror's host"),
                        "Where the mirror is.")
          .required()
          .sample("mirror.example.com:5000"),
      field<MirrorSpec>("pathPrefix", &MirrorSpec::path_prefix,
                        text({"a path prefix", "repository components, such as hub or proxy/hub",
                              "[a-z0-9]+([._-]+[a-z0-9]+)*(/[a-z0-9]+([._-]+[a-z0-9]+)*)*"}),
                        "What goes in front of the repository there.")
          .sample("hub"),
      field<MirrorSpec>("resolve", &MirrorSpec::resolve, flag(),
                        "Whether it may answer for tags too, not for digests alone."),
  });
}

void keep_key(Reading& reading, const std::string& text, const Position& at,
              RegistrySpec& registry) {
  auto key = parse_registry_key(text);
  if (!key)
    return reading.complain(at, fmt::format("is not a registry ({})", kRegistryKeyGrammar));
  registry.host = std::move(key->host);
  registry.path_prefix = std::move(key->path_prefix);
}

std::vector<Field<RegistrySpec>> connection_fields() {
  return {
      part<RegistrySpec>("tls", &RegistrySpec::tls, tls_schema(), "Whom to trust, who we are."),
      part<RegistrySpec>("proxy", &RegistrySpec::proxy, proxy_schema(),
                         "The way there. Default: HTTPS_PROXY and NO_PROXY."),
      list<RegistrySpec>("mirrors", &RegistrySpec::mirrors, mirror_schema(),
                         "Where the same bytes may be had, asked in this order first."),
      field<RegistrySpec>("trustedRealms", &RegistrySpec::trusted_realms,
                          list_of(host_name("a token service")),
                          "Token services on other hosts that may receive the credentials.")
          .sample(Json::array().add("auth.example.com")),
      field<RegistrySpec>(
          "allowPrivateRedirects", &RegistrySpec::allow_private_redirects,
          choice<PrivateRedirects>("one of these", {{PrivateRedirects::automatic, "auto"},
                                                    {PrivateRedirects::allow, true},
                                                    {PrivateRedirects::refuse, false}}),
          "Whether it may redirect to addresses inside; auto: if it is inside "
          "itself."),
      field<RegistrySpec>("http2", &RegistrySpec::http2, flag(), "Whether to speak HTTP/2."),
      field<RegistrySpec>("connections", &RegistrySpec::connections, count(1, 64),
                          "Connections to it at once."),
  };
}

}  // namespace

Object<CredentialsSpec> credentials_schema() {
  const auto keep_helper = [](Reading&, std::string suffix, const Position&,
                              CredentialsSpec& credentials) {
    credentials.kind = Kind::helper;
    credentials.helper = std::move(suffix);
  };
  const auto keep_anonymous = [](Reading&, bool, const Position&, CredentialsSpec& credentials) {
    credentials.kind = Kind::anonymous;
  };
  std::vector<Field<CredentialsSpec>> fields = password_fields();
  auto secret_dir =
      path_source("secretDir", Kind::secret_dir, "A mounted Secret.", "/etc/ocisync/registry");
  secret_dir.shape.alternative = false;
  fields.insert(fields.begin(), std::move(secret_dir));
  fields.push_back(path_source("dockerConfig", Kind::docker_config, "A config.json of docker.",
                               "/etc/ocisync/config.json"));
  fields.push_back(
      acting<CredentialsSpec>("helper",
                              text({"a helper's suffix", "the part behind docker-credential-",
                                    "[A-Za-z0-9][A-Za-z0-9._-]*"}),
                              keep_helper, "The program docker-credential-<helper>.")
          .sample("ecr-login")
          .alternative());
  fields.push_back(path_source("tokenFile", Kind::token_file, "A bearer token, sent as it is.",
                               "/etc/ocisync/token"));
  fields.push_back(path_source("identityTokenFile", Kind::identity_token_file,
                               "A refresh token, exchanged for tokens.",
                               "/etc/ocisync/identity-token"));
  fields.push_back(acting<CredentialsSpec>("anonymous",
                                           choice<bool>("one of these", {{true, true}}),
                                           keep_anonymous, "No credentials at all.")
                       .sample(true)
                       .alternative());
  fields.push_back(
      later<CredentialsSpec>({.name = "provider",
                              .doc = "The identity of the cloud this runs in.",
                              .value = choice_shape("a provider", {{"aws"}, {"azure"}, {"gcp"}}),
                              .sample = "aws"}));
  return Object<CredentialsSpec>(std::move(fields))
      .exactly_one({"secretDir", "username", "dockerConfig", "helper", "tokenFile",
                    "identityTokenFile", "anonymous", "provider"})
      .check(check_password);
}

Object<RegistrySpec> registry_schema() {
  std::vector<Field<RegistrySpec>> fields = {
      acting<RegistrySpec>("host",
                           text({"a registry", kRegistryKeyGrammar,
                                 fmt::format("(\\*\\.)?{}(/[a-z0-9._-]+)*", kHostPattern), 512}),
                           keep_key,
                           "Which references this is about: host[:port][/path prefix], or "
                           "\"*.example.com\" for the hosts one label below.")
          .required()
          .sample("registry.example.com:5000/team-a"),
      field<RegistrySpec>("plainHTTP", &RegistrySpec::plain_http, flag(),
                          "Speak HTTP without TLS. Default: true for localhost, 127.0.0.0/8 and "
                          "[::1] only.")
          .sample(false),
      part<RegistrySpec>("credentials", &RegistrySpec::credentials, credentials_schema(),
                         "What opens it. Default: the files that docker and helm keep."),
  };
  for (Field<RegistrySpec>& field : connection_fields())
    fields.push_back(std::move(field));
  return Object<RegistrySpec>(std::move(fields));
}

}  // namespace ocisync
