#include "registry/credential_file.h"

#include <fstream>
#include <map>
#include <thread>

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "base/files.h"
#include "base/json.h"
#include "base/text.h"
#include "registry/docker_config.h"
#include "support/expect_error.h"
#include "support/temp_directory.h"

namespace ocisync {
namespace {

using Kind = Credential::Kind;

class CredentialFileTest : public ::testing::Test {
 protected:
  static Credential basic(const std::string& user = "robot",
                          const std::string& password = "hunter2") {
    return {Kind::basic, user, Secret(password), "given"};
  }

  std::filesystem::path path() const { return home_.path() / "registry" / "config.json"; }

  CredentialFile file() { return {path(), environment()}; }

  Environment environment() {
    return [this](std::string_view name) -> std::optional<std::string> {
      if (name != "PATH")
        return std::nullopt;
      return home_.path().string() + ":/usr/bin:/bin";
    };
  }

  void write(std::string_view text) {
    std::filesystem::create_directories(path().parent_path());
    std::ofstream(path(), std::ios::binary | std::ios::trunc) << text;
  }

  std::string text() const { return read_user_file(path(), 1 << 20).value_or("(missing)"); }

  Json json() const { return Json::parse(text()); }

  std::optional<Credential> find(std::string_view host) const {
    return DockerConfig::parse(text(), "file").find(host, "team/web");
  }

  // docker-credential-keys keeps what it is told beside itself, and fails when told to.
  void install_helper() {
    const auto program = home_.path() / "docker-credential-keys";
    std::ofstream(program) << "#!/bin/sh\ncd " << home_.path().string() << R"(
[ -e broken ] && { echo 'the keychain is locked'; exit 1; }
case $1 in
  store) cat > stored ;;
  erase) read host; [ -e stored ] || { echo 'credentials not found in native keychain'; exit 1; }
         echo "$host" > erased; rm stored ;;
  *) exit 1 ;;
esac
)";
    ::chmod(program.c_str(), 0755);
  }

  std::string beside(const std::string& name) const {
    return read_user_file(home_.path() / name, 1 << 20).value_or("");
  }

  TempDirectory home_;
};

TEST_F(CredentialFileTest, IsMadeForItsOwnerAlone) {
  const ::mode_t before = ::umask(0);
  EXPECT_EQ(file().store("registry.example.com:5000", basic()), path().string());
  ::umask(before);
  struct stat status = {};
  ::stat(path().c_str(), &status);
  EXPECT_EQ(status.st_mode & 0777U, 0600U);
  ::stat(path().parent_path().c_str(), &status);
  EXPECT_EQ(status.st_mode & 0777U, 0700U);
  EXPECT_EQ(json().dump(), R"({"auths":{"registry.example.com:5000":{"auth":")" +
                               base64_encode("robot:hunter2") + R"("}}})");
}

TEST_F(CredentialFileTest, KeepsAllElse) {
  write(R"({"HttpHeaders":{"X":"y"},"auths":{"other.example.com":{"auth":"b3RoZXI6d29yZA=="},
    "registry.example.com":{"auth":"b2xkOm9sZA==","email":"me@example.com","username":"old"}},
    "psFormat":"{{.ID}}","number":12345678901234567})");
  ::chmod(path().c_str(), 0644);
  file().store("registry.example.com", basic());
  EXPECT_EQ(json().dump(),
            R"({"HttpHeaders":{"X":"y"},"auths":{"other.example.com":{"auth":"b3RoZXI6d29yZA=="},)"
            R"("registry.example.com":{"email":"me@example.com","auth":"cm9ib3Q6aHVudGVyMg=="}},)"
            R"("psFormat":"{{.ID}}","number":12345678901234567})");
  struct stat status = {};
  ::stat(path().c_str(), &status);
  EXPECT_EQ(status.st_mode & 0777U, 0600U);
  EXPECT_TRUE(file().erase("registry.example.com"));
  EXPECT_EQ(json().dump(),
            R"({"HttpHeaders":{"X":"y"},"auths":{"other.example.com":{"auth":"b3RoZXI6d29yZA=="}},)"
            R"("psFormat":"{{.ID}}","number":12345678901234567})");
}

TEST_F(CredentialFileTest, ReplacesEverySpellingOfAHost) {
  write(R"({"auths":{"https://registry.example.com/v2/":{"auth":"b2xkOm9sZA=="},
    "Registry.example.com:443":{"auth":"b2xkOm9sZA=="},
    "registry.example.com/team":{"auth":"dGVhbTp0ZWFt"}}})");
  file().store("registry.example.com", basic());
  EXPECT_EQ(json().find("auths")->members().size(), 2U);
  EXPECT_EQ(DockerConfig::parse(text(), "").find("registry.example.com", "free")->username,
            "robot");
  EXPECT_EQ(find("registry.example.com")->username, "team");  // the part stays as it was
}

TEST_F(CredentialFileTest, NamesDockerHubAsDockerDoes) {
  file().store("docker.io", basic());
  EXPECT_TRUE(json().find("auths")->find("https://index.docker.io/v1/"));
  EXPECT_TRUE(file().erase("docker.io"));
}

TEST_F(CredentialFileTest, HoldsIdentityTokens) {
  file().store("registry.example.com", basic());
  file().store("registry.example.com",
               {Kind::identity_token, "", Secret("identity-identity"), "given"});
  EXPECT_EQ(json().dump(),
            R"({"auths":{"registry.example.com":{"identitytoken":"identity-identity"}}})");
  EXPECT_EQ(find("registry.example.com")->kind, Kind::identity_token);
}

TEST_F(CredentialFileTest, ThatIsNoneIsLeftAsItIs) {
  for (const std::string broken :
       {R"({"auths":{"a":{"auth":"c2VjcmV0"}})", "[]", R"({"auths":[]})", "secret"}) {
    write(broken);
    const auto error = error_of([&] { file().store("registry.example.com", basic()); });
    EXPECT_EQ(error->reason(), Reason::credentials_invalid);
    EXPECT_EQ(std::string(error->what()).find("c2VjcmV0"), std::string::npos);
    EXPECT_EQ(reason_of([&] { file().erase("registry.example.com"); }),
              Reason::credentials_invalid);
    EXPECT_EQ(text(), broken);
  }
  write("\n");
  file().store("registry.example.com", basic());
  EXPECT_TRUE(find("registry.example.com"));
}

TEST_F(CredentialFileTest, WithoutTheHostIsNotWritten) {
  EXPECT_FALSE(file().erase("registry.example.com"));
  EXPECT_FALSE(std::filesystem::exists(path().parent_path()));
  write(R"( {"auths": {"other": {}}} )");
  EXPECT_FALSE(file().erase("registry.example.com"));
  EXPECT_EQ(text(), R"( {"auths": {"other": {}}} )");
}

TEST_F(CredentialFileTest, BehindALinkIsChangedWhereItIs) {
  write("{}");
  const auto real = home_.path() / "real.json";
  std::filesystem::rename(path(), real);
  std::filesystem::create_symlink(real, path());
  file().store("registry.example.com", basic());
  EXPECT_TRUE(std::filesystem::is_symlink(path()));
  EXPECT_TRUE(find("registry.example.com"));
}

TEST_F(CredentialFileTest, LosesNothingWhenManyLogInAtOnce) {
  constexpr int kLogins = 24;
  std::vector<std::thread> logins;
  for (int i = 0; i < kLogins; ++i)
    logins.emplace_back([&, i] { file().store(fmt::format("host{}.example.com", i), basic()); });
  for (std::thread& login : logins)
    login.join();
  for (int i = 0; i < kLogins; ++i)
    EXPECT_TRUE(find(fmt::format("host{}.example.com", i))) << i;
}

TEST_F(CredentialFileTest, LeavesTheSecretToItsHelper) {
  install_helper();
  write(R"({"credHelpers":{"registry.example.com":"keys"},"auths":{"registry.example.com":)"
        R"({"auth":"b2xkOm9sZA=="}}})");
  EXPECT_EQ(file().store("registry.example.com", basic()), "docker-credential-keys");
  EXPECT_EQ(beside("stored"), R"({"ServerURL":"registry.example.com","Username":"robot",)"
                              R"("Secret":"hunter2"})");
  EXPECT_EQ(json().find("auths")->dump(), R"({"registry.example.com":{}})");
  EXPECT_TRUE(file().erase("registry.example.com"));
  EXPECT_EQ(beside("erased"), "registry.example.com\n");
  EXPECT_EQ(json().find("auths")->dump(), "{}");
  EXPECT_FALSE(file().erase("registry.example.com"));
  file().store("other.example.com", basic());
  EXPECT_TRUE(find("other.example.com"));
}

TEST_F(CredentialFileTest, TellsAStoreOfTheWholeFileAnIdentityToken) {
  install_helper();
  write(R"({"credsStore":"keys"})");
  file().store("docker.io", {Kind::identity_token, "", Secret("identity"), "given"});
  EXPECT_EQ(beside("stored"), R"({"ServerURL":"https://index.docker.io/v1/","Username":"<token>",)"
                              R"("Secret":"identity"})");
}

TEST_F(CredentialFileTest, StoresNothingWhenItsHelperFails) {
  install_helper();
  std::ofstream(home_.path() / "broken") << "yes";
  const std::string before = R"({"credsStore":"keys"})";
  write(before);
  const auto error = error_of([&] { file().store("registry.example.com", basic()); });
  EXPECT_EQ(error->reason(), Reason::credentials_invalid);
  EXPECT_NE(std::string(error->what()).find("the keychain is locked"), std::string::npos);
  EXPECT_EQ(text(), before);
  write(R"({"credsStore":"absent"})");
  EXPECT_EQ(reason_of([&] { file().store("registry.example.com", basic()); }),
            Reason::credentials_invalid);
}

TEST(LoginFile, IsTheFirstThatSomebodySet) {
  std::map<std::string, std::string> variables = {{"HOME", "/home/me"}};
  const Environment environment = [&](std::string_view name) -> std::optional<std::string> {
    const auto found = variables.find(std::string(name));
    return found == variables.end() ? std::nullopt : std::optional(found->second);
  };
  EXPECT_EQ(login_file({}, environment), "/home/me/.config/helm/registry/config.json");
  variables["DOCKER_CONFIG"] = "/docker";
  EXPECT_EQ(login_file({}, environment), "/docker/config.json");
  variables["HELM_REGISTRY_CONFIG"] = "/helm/registry.json";
  EXPECT_EQ(login_file({}, environment), "/helm/registry.json");
  EXPECT_EQ(login_file({"/given.json"}, environment), "/given.json");
  variables.clear();
  EXPECT_EQ(reason_of([&] { login_file({}, environment); }), Reason::usage_invalid);
}

}  // namespace
}  // namespace ocisync
