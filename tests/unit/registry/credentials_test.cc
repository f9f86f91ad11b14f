#include "registry/credentials.h"

#include <fstream>
#include <future>
#include <map>
#include <thread>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "base/text.h"
#include "support/failure.h"
#include "support/manual_clock.h"
#include "support/temp_directory.h"

namespace ocisync {
namespace {

namespace fs = std::filesystem;
using Freshness = CredentialStore::Freshness;
using Kind = CredentialsSpec::Kind;

void write(const fs::path& path, std::string_view text) {
  fs::create_directories(path.parent_path());
  std::ofstream(path, std::ios::binary | std::ios::trunc) << text;
}

std::string config_json(std::string_view host, std::string_view user, std::string_view password) {
  return fmt::format(R"({{"auths":{{"{}":{{"auth":"{}"}}}}}})", host,
                     base64_encode(fmt::format("{}:{}", user, password)));
}

class Credentials : public ::testing::Test {
 protected:
  Environment environment() {
    return [this](std::string_view name) -> std::optional<std::string> {
      const auto found = variables_.find(std::string(name));
      return found == variables_.end() ? std::nullopt : std::optional(found->second);
    };
  }

  CredentialStore store(DefaultCredentialFiles files = {}) {
    return CredentialStore(environment(), std::move(files), clock_);
  }

  Credential find(CredentialStore& store, Freshness freshness = Freshness::cached_is_fine) {
    return store.find(reference_, nullptr, freshness);
  }

  Credential resolve(const CredentialsSpec& spec) {
    auto one = store();
    RegistrySpec registry;
    registry.host = "registry.example.com";
    registry.credentials = spec;
    return one.find(reference_, &registry, Freshness::cached_is_fine);
  }

  // A program as docker knows them, answering with this shell text.
  void install_helper(std::string_view suffix, std::string_view script) {
    const fs::path path = home_.path() / "bin" / fmt::format("docker-credential-{}", suffix);
    write(path, fmt::format("#!/bin/sh\n{}\n", script));
    fs::permissions(path, fs::perms::owner_all);
    variables_["PATH"] = (home_.path() / "bin").string() + ":/usr/bin:/bin";
  }

  TempDirectory home_;
  std::map<std::string, std::string> variables_;
  ManualClock clock_;
  Reference reference_ = Reference::parse("registry.example.com/team/web:1.0");
};

TEST_F(Credentials, AreNoneWhenNothingIsConfiguredNotEvenAHome) {
  auto one = store();
  const Credential found = find(one);
  EXPECT_EQ(found.kind, Credential::Kind::anonymous);
  EXPECT_EQ(found.source, "none");
}

TEST_F(Credentials, ComeFromTheFirstPlaceThatNamesTheHost) {
  const fs::path home = home_.path();
  variables_["HOME"] = home.string();
  write(home / ".docker/config.json", config_json("registry.example.com", "docker-home", "p"));
  auto one = store();
  EXPECT_EQ(find(one).username, "docker-home");

  variables_["DOCKER_CONFIG"] = (home / "docker").string();
  write(home / "docker/config.json", config_json("registry.example.com", "docker-variable", "p"));
  EXPECT_EQ(find(one).username, "docker-variable");

  write(home / ".config/helm/registry/config.json",
        config_json("registry.example.com", "helm-home", "p"));
  EXPECT_EQ(find(one).username, "helm-home");
  variables_["XDG_CONFIG_HOME"] = (home / "xdg").string();
  write(home / "xdg/helm/registry/config.json",
        config_json("registry.example.com", "helm-xdg", "p"));
  EXPECT_EQ(find(one).username, "helm-xdg");
  variables_["HELM_REGISTRY_CONFIG"] = (home / "helm.json").string();
  write(home / "helm.json", config_json("registry.example.com", "helm-variable", "p"));
  EXPECT_EQ(find(one).username, "helm-variable");

  write(home / "own.json", config_json("registry.example.com", "own", "p"));
  auto given = store({home / "own.json"});
  EXPECT_EQ(find(given).username, "own");
  EXPECT_EQ(find(given).source, (home / "own.json").string());

  variables_["DOCKER_AUTH_CONFIG"] = config_json("registry.example.com", "variable", "p");
  EXPECT_EQ(find(given).username, "variable");
  EXPECT_EQ(find(given).source, "DOCKER_AUTH_CONFIG");

  variables_["DOCKER_AUTH_CONFIG"] = config_json("another.example.com", "variable", "p");
  EXPECT_EQ(find(given).username, "own");
}

TEST_F(Credentials, OfADefaultFileThatIsBrokenAreAnErrorThatNamesIt) {
  variables_["HOME"] = home_.path().string();
  write(home_.path() / ".docker/config.json", "{ hunter2");
  auto one = store();
  const auto error = failure_of([&] { find(one); });
  ASSERT_TRUE(error);
  EXPECT_EQ(error->reason(), Reason::credentials_invalid);
  EXPECT_NE(error->message().find(".docker/config.json"), std::string::npos);
  EXPECT_EQ(std::string(error->what()).find("hunter2"), std::string::npos);
}

TEST_F(Credentials, KeepTheLastGoodReadingOfAHalfWrittenFileUntilItIsRefused) {
  variables_["DOCKER_CONFIG"] = home_.path().string();
  const fs::path file = home_.path() / "config.json";
  write(file, config_json("registry.example.com", "u", "old"));
  auto one = store();
  EXPECT_EQ(find(one).secret.reveal(), "old");
  write(file, R"({"auths":{"registry)");
  EXPECT_EQ(find(one).secret.reveal(), "old");
  EXPECT_EQ(reason_of([&] { find(one, Freshness::after_refusal); }), Reason::credentials_invalid);
  write(file, config_json("registry.example.com", "u", "new"));
  EXPECT_EQ(find(one).secret.reveal(), "new");
}

TEST_F(Credentials, OfAFileThatVanishesAreGone) {
  variables_["DOCKER_CONFIG"] = home_.path().string();
  write(home_.path() / "config.json", config_json("registry.example.com", "u", "p"));
  auto one = store();
  EXPECT_EQ(find(one).username, "u");
  fs::remove(home_.path() / "config.json");
  EXPECT_EQ(find(one).kind, Credential::Kind::anonymous);
}

TEST_F(Credentials, OfEverySpecKindAreRead) {
  const fs::path home = home_.path();
  write(home / "password", "hunter2\n");
  write(home / "token", "tok-en\r\n");
  write(home / "config.json", config_json("registry.example.com", "robot", "hunter2"));
  install_helper("mine", R"(printf '{"Username":"helped","Secret":"hunter2"}')");
  variables_["PASSWORD"] = "from-the-environment";

  CredentialsSpec password{Kind::username_password, {}, "robot", home / "password", "", ""};
  EXPECT_EQ(resolve(password).secret.reveal(), "hunter2");
  EXPECT_EQ(resolve(password).username, "robot");
  EXPECT_EQ(resolve(password).kind, Credential::Kind::basic);

  CredentialsSpec variable{Kind::username_password, {}, "robot", {}, "PASSWORD", ""};
  EXPECT_EQ(resolve(variable).secret.reveal(), "from-the-environment");

  CredentialsSpec docker{Kind::docker_config, home / "config.json", "", {}, "", ""};
  EXPECT_EQ(resolve(docker).username, "robot");

  CredentialsSpec helper{Kind::helper, {}, "", {}, "", "mine"};
  EXPECT_EQ(resolve(helper).username, "helped");

  CredentialsSpec token{Kind::token_file, home / "token", "", {}, "", ""};
  EXPECT_EQ(resolve(token).kind, Credential::Kind::bearer);
  EXPECT_EQ(resolve(token).secret.reveal(), "tok-en");

  CredentialsSpec identity{Kind::identity_token_file, home / "token", "", {}, "", ""};
  EXPECT_EQ(resolve(identity).kind, Credential::Kind::identity_token);

  EXPECT_EQ(resolve({}).kind, Credential::Kind::anonymous);
}

TEST_F(Credentials, ThatTheSpecNamesAndThatAreMissingNeverFallThrough) {
  const fs::path home = home_.path();
  variables_["HOME"] = home.string();
  write(home / ".docker/config.json", config_json("registry.example.com", "docker", "p"));
  write(home / "empty", "\n");
  write(home / "spaced", "to ken");
  write(home / "other.json", config_json("another.example.com", "u", "p"));
  write(home / "marker.json", R"({"auths":{"registry.example.com":{}}})");
  fs::create_directories(home / "nothing");
  install_helper("knows-none", "echo 'credentials not found in native keychain'; exit 1");
  const CredentialsSpec missing[] = {
      {Kind::username_password, {}, "u", home / "none", "", ""},
      {Kind::username_password, {}, "u", home / "empty", "", ""},
      {Kind::username_password, {}, "u", {}, "UNSET", ""},
      {Kind::username_password, {}, "a:b", home / "spaced", "", ""},
      {Kind::username_password, {}, "u", home / "nothing", "", ""},
      {Kind::docker_config, home / "none", "", {}, "", ""},
      {Kind::docker_config, home / "empty", "", {}, "", ""},
      {Kind::docker_config, home / "other.json", "", {}, "", ""},
      {Kind::docker_config, home / "marker.json", "", {}, "", ""},
      {Kind::secret_dir, home / "nothing", "", {}, "", ""},
      {Kind::secret_dir, home / "not-there", "", {}, "", ""},
      {Kind::token_file, home / "none", "", {}, "", ""},
      {Kind::token_file, home / "empty", "", {}, "", ""},
      {Kind::token_file, home / "spaced", "", {}, "", ""},
      {Kind::identity_token_file, home / "empty", "", {}, "", ""},
      {Kind::helper, {}, "", {}, "", "knows-none"},
      {Kind::helper, {}, "", {}, "", "not-installed"},
      {Kind::helper, {}, "", {}, "", "../evil"},
  };
  int row = 0;
  for (const CredentialsSpec& spec : missing)
    EXPECT_EQ(reason_of([&] { resolve(spec); }), Reason::credentials_invalid) << row++;
}

TEST_F(Credentials, OfADirectoryAreTheFirstKindItHolds) {
  const fs::path dir = home_.path() / "secret";
  const CredentialsSpec spec{Kind::secret_dir, dir, "", {}, "", ""};
  write(dir / "token", "tok\n");
  EXPECT_EQ(resolve(spec).kind, Credential::Kind::bearer);
  write(dir / "username", "robot\r\n");
  write(dir / "password", "\xEF\xBB\xBFpass\n\n");
  EXPECT_EQ(resolve(spec).username, "robot");
  EXPECT_EQ(resolve(spec).secret.reveal(), "pass\n") << "one newline is cut, not two";
  write(dir / ".dockercfg",
        R"({"https://registry.example.com":{"username":"legacy","password":"p"}})");
  EXPECT_EQ(resolve(spec).username, "legacy");
  write(dir / "config.json", config_json("registry.example.com", "config", "p"));
  EXPECT_EQ(resolve(spec).username, "config");
  write(dir / ".dockerconfigjson", config_json("registry.example.com", "mounted", "p"));
  EXPECT_EQ(resolve(spec).username, "mounted");
  EXPECT_EQ(resolve(spec).source, "secretDir " + dir.string() + "/.dockerconfigjson");
  write(dir / ".dockerconfigjson", config_json("another.example.com", "mounted", "p"));
  EXPECT_EQ(reason_of([&] { resolve(spec); }), Reason::credentials_invalid);
}

TEST_F(Credentials, OfHalfAPairSayWhichHalfIsMissing) {
  const fs::path dir = home_.path() / "secret";
  write(dir / "username", "robot");
  const auto error = failure_of([&] { resolve({Kind::secret_dir, dir, "", {}, "", ""}); });
  ASSERT_TRUE(error);
  EXPECT_NE(error->message().find("no password"), std::string::npos);
}

TEST_F(Credentials, OfADirectoryThatCannotBeUsedNameItAndWhy) {
  const fs::path dir = home_.path() / "secret";
  const auto complaint = [&] {
    return failure_of([&] { resolve({Kind::secret_dir, dir, "", {}, "", ""}); })->message();
  };
  EXPECT_EQ(complaint(), "secretDir " + dir.string() + " is no directory");
  fs::create_directories(dir / "..2026/password");
  EXPECT_EQ(complaint(), "secretDir " + dir.string() + " holds no credential");
  fs::create_directory_symlink("..2026", dir / "..data");
  const std::string said = complaint();
  EXPECT_TRUE(said.starts_with("secretDir " + dir.string() + " cannot be read: ")) << said;
}

TEST_F(Credentials, FollowARotatedSecretMountWithoutMixingOldAndNew) {
  const fs::path mount = home_.path() / "mount";
  const CredentialsSpec spec{Kind::secret_dir, mount, "", {}, "", ""};
  const auto rotate = [&](std::string_view name, std::string_view user, std::string_view password) {
    write(mount / name / "username", user);
    write(mount / name / "password", password);
    fs::remove(mount / "..next");
    fs::create_directory_symlink(name, mount / "..next");
    fs::rename(mount / "..next", mount / "..data");
  };
  rotate("..2026_a", "robot-a", "a");
  fs::create_symlink("..data/username", mount / "username");
  fs::create_symlink("..data/password", mount / "password");
  for (const std::string_view name : {"a", "b", "c"}) {
    rotate(fmt::format("..2026_{}", name), fmt::format("robot-{}", name), name);
    const Credential found = resolve(spec);
    EXPECT_EQ(found.username, fmt::format("robot-{}", name));
    EXPECT_EQ(found.secret.reveal(), name);
  }
  // the links beside it point into a directory that only half exists: what ..data holds decides
  fs::remove(mount / "..2026_c/password");
  EXPECT_EQ(reason_of([&] { resolve(spec); }), Reason::credentials_invalid);
}

TEST_F(Credentials, OfAHelperAreAskedForOnceInFiveMinutesAndAfterARefusal) {
  const fs::path log = home_.path() / "asked";
  install_helper("counting", fmt::format(R"(read server; echo "$server" >> {}
printf '{{"Username":"u","Secret":"p"}}')",
                                         log.string()));
  variables_["DOCKER_AUTH_CONFIG"] = R"({"credsStore":"counting"})";
  auto one = store();
  const auto asked = [&] {
    std::ifstream file(log);
    return std::count(std::istreambuf_iterator<char>(file), {}, '\n');
  };
  find(one);
  find(one);
  EXPECT_EQ(asked(), 1);
  clock_.advance(std::chrono::minutes(5));
  find(one);
  EXPECT_EQ(asked(), 2);
  find(one, Freshness::after_refusal);
  EXPECT_EQ(asked(), 3);
}

TEST_F(Credentials, OfAHelperThatFailsFailForAllWhoWaitedAndCanBeGivenUp) {
  const fs::path log = home_.path() / "asked", end = home_.path() / "end";
  install_helper("slow",
                 fmt::format("echo asked >> {}; until test -e {}; do sleep 0.01; done; exit 3",
                             log.string(), end.string()));
  variables_["DOCKER_AUTH_CONFIG"] = R"({"credsStore":"slow"})";
  auto one = store();
  const auto asked = [&] {
    std::ifstream file(log);
    return std::count(std::istreambuf_iterator<char>(file), {}, '\n');
  };
  const auto ask_aside = [&](std::stop_token stop) {
    return std::async(std::launch::async, [&, stop] {
      return reason_of([&] { one.find(reference_, nullptr, Freshness::cached_is_fine, stop); });
    });
  };
  std::stop_source first_stop, waiting_stop;
  auto given_up = ask_aside(first_stop.get_token());
  while (asked() < 1)
    std::this_thread::yield();
  first_stop.request_stop();
  EXPECT_EQ(given_up.get(), Reason::cancelled);

  auto asking = ask_aside({});
  while (asked() < 2)
    std::this_thread::yield();
  auto stopped = ask_aside(waiting_stop.get_token());
  auto waiting = ask_aside({}), another = ask_aside({});
  waiting.wait_for(std::chrono::milliseconds(100));  // all of them wait by now
  waiting_stop.request_stop();
  EXPECT_EQ(stopped.get(), Reason::cancelled);
  write(end, "");
  for (auto* each : {&asking, &waiting, &another})
    EXPECT_EQ(each->get(), Reason::credentials_invalid);
  EXPECT_EQ(asked(), 2) << "nobody asked again";
  EXPECT_EQ(reason_of([&] { find(one); }), Reason::credentials_invalid);
  EXPECT_EQ(asked(), 3) << "a failure is not remembered";
}

TEST_F(Credentials, OfAHelperFollowItsProtocol) {
  struct Row {
    std::string_view script;
    std::optional<Reason> failure;
    std::string_view text;
  };

  const Row rows[] = {
      {R"(test "$1" = get && printf '{"ServerURL":"x","Username":"u","Secret":"p"}')", {}, "u"},
      {R"(printf '{"Username":"<token>","Secret":"p"}')", {}, ""},
      {"echo 'the vault is sealed'; exit 3", Reason::credentials_invalid, "the vault is sealed"},
      {R"(echo '{"Username":"u","Secret":"hunter2"}'; exit 1)", Reason::credentials_invalid,
       "exit code 1"},
      {"echo hunter2", Reason::credentials_invalid, "JSON"},
      {R"(printf '{"Username":"u"}')", Reason::credentials_invalid, "without"},
      {"head -c 100000 /dev/zero", Reason::credentials_invalid, "64 KiB"},
  };
  for (const Row& row : rows) {
    install_helper("mine", row.script);
    const CredentialsSpec spec{Kind::helper, {}, "", {}, "", "mine"};
    const auto error = failure_of([&] { EXPECT_EQ(resolve(spec).username, row.text); });
    EXPECT_EQ(error ? std::optional(error->reason()) : std::nullopt, row.failure) << row.script;
    if (error) {
      EXPECT_NE(error->message().find(row.text), std::string::npos) << error->message();
      EXPECT_EQ(error->message().find("hunter2"), std::string::npos) << error->message();
      EXPECT_NE(error->message().find("docker-credential-mine"), std::string::npos);
    }
  }
}

TEST_F(Credentials, OfAHelperForTheHostReplaceWhatTheFileHolds) {
  install_helper("none", "echo 'credentials not found in native keychain'; exit 1");
  const std::string auths = config_json("registry.example.com", "file", "p");
  const std::string inside = auths.substr(1, auths.size() - 2);
  variables_["DOCKER_AUTH_CONFIG"] =
      "{" + inside + R"(,"credHelpers":{"registry.example.com":"none"}})";
  auto one = store();
  EXPECT_EQ(find(one).kind, Credential::Kind::anonymous);
  variables_["DOCKER_AUTH_CONFIG"] = "{" + inside + R"(,"credsStore":"none"})";
  EXPECT_EQ(find(one).username, "file");
}

TEST_F(Credentials, DiffersInItsFingerprintExactlyWhenItDiffers) {
  const Credential one{Credential::Kind::basic, "u", Secret("p"), "here"};
  Credential same = one;
  same.source = "there";
  EXPECT_EQ(one.fingerprint(), same.fingerprint());
  Credential other = one;
  other.secret = Secret("q");
  EXPECT_NE(one.fingerprint(), other.fingerprint());
  Credential kind = one;
  kind.kind = Credential::Kind::bearer;
  EXPECT_NE(one.fingerprint(), kind.fingerprint());
}

}  // namespace
}  // namespace ocisync
