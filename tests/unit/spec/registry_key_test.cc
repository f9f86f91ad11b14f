#include "spec/registry_key.h"

#include <gtest/gtest.h>

#include "loading.h"

namespace ocisync {
namespace {

RegistrySpec entry(std::string_view key) {
  const auto parsed = parse_registry_key(key);
  RegistrySpec registry;
  if (parsed) {
    registry.host = parsed->host;
    registry.path_prefix = parsed->path_prefix;
  }
  return registry;
}

// The key of the entry that governs a reference; "none" when the defaults do.
std::string governing(const std::vector<std::string>& keys, std::string_view reference) {
  Spec spec;
  for (const std::string& key : keys)
    spec.registries.push_back(entry(key));
  const RegistrySpec* const found = find_registry(spec, Reference::parse(reference));
  return found == nullptr ? "none" : keys[static_cast<std::size_t>(found - spec.registries.data())];
}

TEST(RegistryKey, SplitsHostAndPath) {
  const RegistrySpec registry = entry("Registry.Example.com:5000/team-a/charts");
  EXPECT_EQ(registry.host, "registry.example.com:5000");
  EXPECT_EQ(registry.path_prefix, "team-a/charts");
  EXPECT_EQ(entry("[::1]:5000").host, "[::1]:5000");
  EXPECT_EQ(entry("*.example.com:8443").host, "*.example.com:8443");
}

TEST(RegistryKey, RefusesWhatIsNone) {
  for (const std::string_view key :
       {"", "https://h.example", "h.example/", "h.example/Team", "h.example//a", "a.*.example",
        "*example.com", "*", "*.", "h.example:0", "h.example:99999", "bob@h.example", "h_x.example",
        "*.[::1]", "[::1", "h.example/a/../b"})
    EXPECT_FALSE(parse_registry_key(key)) << key;
}

TEST(RegistryKey, TheLongestPathWins) {
  const std::vector<std::string> keys = {"h.example", "h.example/team/charts", "h.example/team"};
  EXPECT_EQ(governing(keys, "h.example/web"), "h.example");
  EXPECT_EQ(governing(keys, "h.example/team/web"), "h.example/team");
  EXPECT_EQ(governing(keys, "h.example/team/charts/web"), "h.example/team/charts");
  EXPECT_EQ(governing(keys, "h.example/team/charts"), "h.example/team/charts");
  EXPECT_EQ(governing(keys, "h.example/teams/web"), "h.example");
  EXPECT_EQ(governing({"h.example/team"}, "h.example/web"), "none");
}

TEST(RegistryKey, AnExactHostBeatsAWildcard) {
  const std::vector<std::string> keys = {"*.example.com/team", "reg.example.com"};
  EXPECT_EQ(governing(keys, "reg.example.com/team/web"), "reg.example.com");
  EXPECT_EQ(governing(keys, "other.example.com/team/web"), "*.example.com/team");
}

TEST(RegistryKey, AWildcardIsOneLabel) {
  EXPECT_EQ(governing({"*.example.com"}, "a.example.com/web"), "*.example.com");
  EXPECT_EQ(governing({"*.example.com"}, "a.b.example.com/web"), "none");
  EXPECT_EQ(governing({"*.example.com"}, "example.com/web"), "none");
  EXPECT_EQ(governing({"*.example.com"}, "a.example.com:5000/web"), "none");
  EXPECT_EQ(governing({"*.example.com:5000"}, "a.example.com:5000/web"), "*.example.com:5000");
}

TEST(RegistryKey, ThePortIsThatOfTheScheme) {
  EXPECT_EQ(governing({"h.example:443"}, "h.example/web"), "h.example:443");
  EXPECT_EQ(governing({"h.example"}, "h.example:443/web"), "h.example");
  EXPECT_EQ(governing({"h.example"}, "h.example:5000/web"), "none");
  EXPECT_EQ(governing({"h.example:5000"}, "h.example/web"), "none");
  EXPECT_EQ(governing({"localhost"}, "localhost:80/web"), "localhost");
  EXPECT_EQ(governing({"[::1]"}, "[::1]:80/web"), "[::1]");
  Spec spec;
  spec.registries.push_back(entry("h.example"));
  spec.registries[0].plain_http = true;
  EXPECT_NE(find_registry(spec, Reference::parse("h.example:80/web")), nullptr);
  EXPECT_EQ(find_registry(spec, Reference::parse("h.example:443/web")), nullptr);
}

TEST(RegistryKey, DockerHubHasOneNameAmongThree) {
  for (const std::string_view alias : {"docker.io", "index.docker.io", "registry-1.docker.io"}) {
    EXPECT_EQ(governing({std::string(alias)}, "docker.io/library/web"), alias);
    EXPECT_EQ(governing({"docker.io"}, fmt::format("{}/library/web", alias)), "docker.io");
    EXPECT_EQ(registry_identity(entry(alias)), registry_identity(entry("docker.io")));
  }
}

std::string registry_complaint(const std::string& fields) {
  return complaints_about(
      {file_of(document_with("registries: [{" + fields + "}]\n" + std::string(kOneChart)))});
}

TEST(RegistryEntry, SaysWhatIsWrong) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"plainHTTP: true", "5:16 spec.registries[0].host: is missing (a registry is required here)"},
      {"host: a.b, connections: 65",
       "5:41 spec.registries[0].connections: \"65\" is not a count (a whole number from 1 to 64, "
       "without quotes)"},
      {"host: a.b, allowPrivateRedirects: maybe",
       "5:51 spec.registries[0].allowPrivateRedirects: \"maybe\" is not one of these (auto, true, "
       "false)"},
      {"host: a.b, tls: {certFile: c}",
       "5:44 spec.registries[0].tls.certFile: has no keyFile beside it (they go together)"},
      {"host: a.b, credentials: {}",
       "5:41 spec.registries[0].credentials: says nothing (exactly one of secretDir, username, "
       "dockerConfig, helper, tokenFile, identityTokenFile, anonymous)"},
      {"host: a.b, credentials: {helper: x, tokenFile: y}",
       "5:41 spec.registries[0].credentials: holds helper and tokenFile (exactly one of secretDir, "
       "username, dockerConfig, helper, tokenFile, identityTokenFile, anonymous)"},
      {"host: a.b, credentials: {username: x, passwordFile: a, passwordEnv: B}",
       "5:52 spec.registries[0].credentials.username: has two passwords (passwordFile or "
       "passwordEnv)"},
      {"host: a.b, credentials: {anonymous: false}",
       "5:53 spec.registries[0].credentials.anonymous: \"false\" is not one of these (true)"},
      {"host: a.b, credentials: {provider: aws}",
       "5:42 spec.registries[0].credentials.provider: is not supported yet (remove it)"},
      {"host: a.b, credentials: {helper: ../x}",
       "5:50 spec.registries[0].credentials.helper: \"../x\" is not a helper's suffix (the part "
       "behind docker-credential-)"},
      {"host: a.b, mirrors: [{host: c.d/e}]",
       "5:45 spec.registries[0].mirrors[0].host: \"c.d/e\" is not a mirror's host (host[:port], no "
       "scheme, no path)"},
      {"host: a.b, trustedRealms: [x.y, \"https://z\"]",
       "5:49 spec.registries[0].trustedRealms[1]: \"https://z\" is not a token service "
       "(host[:port], no scheme, no path)"},
      {"host: a.b, proxy: {url: \"http://bob:hunter2@proxy\"}",
       "5:41 spec.registries[0].proxy.url: the value is not a proxy (http, https or "
       "socks5://host[:port], nothing behind; credentials have fields of their own)"},
      {"host: a.b, proxy: {}",
       "5:35 spec.registries[0].proxy.url: is missing (a proxy is required here)"},
      {"host: \"bob:hunter2@h.example\"",
       "5:23 spec.registries[0].host: the value is not a registry (host[:port][/path], or "
       "\"*.example.com\" with the star as the whole first label; no scheme; credentials have "
       "fields of their own)"},
  };
  for (const auto& [fields, expected] : cases)
    EXPECT_EQ(registry_complaint(fields), expected + "\n") << fields;
}

TEST(RegistryEntry, WarnsWhenCertificatesAreNotChecked) {
  const Spec spec = spec_of("registries: [{host: a.b, tls: {insecureSkipVerify: true}}]\n" +
                            std::string(kOneChart));
  ASSERT_EQ(spec.warnings.size(), 1U);
  EXPECT_EQ(spec.warnings[0],
            "charts.yaml:5:54: spec.registries[0].tls.insecureSkipVerify: anyone on the way can "
            "pose as this registry");
}

}  // namespace
}  // namespace ocisync
