#include "registry/docker_config.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "base/text.h"
#include "support/failure.h"

namespace ocisync {
namespace {

std::string entry(std::string_view key, std::string_view user) {
  return fmt::format(R"("{}":{{"auth":"{}"}})", key, base64_encode(fmt::format("{}:pw", user)));
}

DockerConfig config_of(const std::vector<std::string>& entries) {
  return DockerConfig::parse(fmt::format(R"({{"auths":{{{}}}}})", fmt::join(entries, ",")), "f");
}

std::string user_for(const DockerConfig& config, std::string_view host,
                     std::string_view repository = "team/web") {
  const auto found = config.find(host, repository);
  return found ? found->username : "-";
}

TEST(DockerConfig, MatchesAHostHoweverItsKeyIsWritten) {
  for (const std::string_view key :
       {"h.example:5000", "https://h.example:5000", "http://h.example:5000",
        "https://h.example:5000/v2/", "https://h.example:5000/v1/", "H.Example:5000",
        "h.example:5000/", "h.example:5000/other"})
    EXPECT_EQ(user_for(config_of({entry(key, "u")}), "h.example:5000"), "u") << key;
  for (const std::string_view key :
       {"h.example", "h.example:5001", "other:5000", "xh.example:5000"})
    EXPECT_EQ(user_for(config_of({entry(key, "u")}), "h.example:5000"), "-") << key;
}

TEST(DockerConfig, TreatsTheHttpsPortAsNoPort) {
  EXPECT_EQ(user_for(config_of({entry("h.example:443", "u")}), "h.example"), "u");
  EXPECT_EQ(user_for(config_of({entry("h.example", "u")}), "h.example:443"), "u");
}

TEST(DockerConfig, KnowsTheNamesOfDockerHub) {
  for (const std::string_view key :
       {"https://index.docker.io/v1/", "index.docker.io", "docker.io", "registry-1.docker.io"})
    EXPECT_EQ(user_for(config_of({entry(key, "u")}), "docker.io"), "u") << key;
}

TEST(DockerConfig, PrefersTheLongestPath) {
  const DockerConfig config = config_of({entry("h", "host"), entry("h/team", "team"),
                                         entry("h/team/web", "web"), entry("h/tea", "tea")});
  EXPECT_EQ(user_for(config, "h", "team/web"), "web");
  EXPECT_EQ(user_for(config, "h", "team/web/sub"), "web");
  EXPECT_EQ(user_for(config, "h", "team/webber"), "team");
  EXPECT_EQ(user_for(config, "h", "team"), "team");
  EXPECT_EQ(user_for(config, "h", "teams"), "host");
}

TEST(DockerConfig, KeepsTenantsApartWhenSeveralPathsAreKnown) {
  const DockerConfig config = config_of({entry("h/a", "a"), entry("h/b", "b")});
  EXPECT_EQ(user_for(config, "h", "b/x"), "b");
  EXPECT_EQ(user_for(config, "h", "c/x"), "-");
}

TEST(DockerConfig, LetsAStarStandForALabelAndNoMore) {
  struct Row {
    std::string_view pattern, host;
    bool matches;
  };

  const Row rows[] = {
      {"*.azurecr.io", "team.azurecr.io", true},
      {"*.azurecr.io", "azurecr.io", false},
      {"*.azurecr.io", "a.b.azurecr.io", false},
      {"*.*.azurecr.io", "a.b.azurecr.io", true},
      {"reg-*.example.com", "reg-1.example.com", true},
      {"reg-*.example.com", "registry.example.com", false},
      {"*a*b*.io", "xxaxxbxx.io", true},
      {"*a*b*.io", "xxbxxaxx.io", false},
      {"*.example.com:5000", "a.example.com:5000", true},
      {"*.example.com", "a.example.com:5000", false},
      {"*", "localhost", true},
  };
  for (const Row& row : rows)
    EXPECT_EQ(user_for(config_of({entry(row.pattern, "u")}), row.host), row.matches ? "u" : "-")
        << row.pattern << " " << row.host;
}

TEST(DockerConfig, PrefersTheHostItselfToAPattern) {
  const DockerConfig config =
      config_of({entry("*.example.com", "any"), entry("a.example.com", "own")});
  EXPECT_EQ(user_for(config, "a.example.com"), "own");
}

TEST(DockerConfig, ReadsEveryKindOfSecret) {
  struct Row {
    std::string_view fields;
    Credential::Kind kind;
    std::string_view user, secret;
  };

  const Row rows[] = {
      {R"("auth":"dTpw")", Credential::Kind::basic, "u", "p"},
      {R"("auth":" dTpw\n")", Credential::Kind::basic, "u", "p"},
      {R"("auth":"dTpwOnE=")", Credential::Kind::basic, "u", "p:q"},
      {R"("auth":"dTpwOnE")", Credential::Kind::basic, "u", "p:q"},
      {R"("auth":"dTpwAAA=")", Credential::Kind::basic, "u", "p"},
      {R"("username":"u","password":"p")", Credential::Kind::basic, "u", "p"},
      {R"("auth":"dTpw","username":"x","password":"y")", Credential::Kind::basic, "u", "p"},
      {R"("auth":"dTpw","identitytoken":"tok")", Credential::Kind::identity_token, "", "tok"},
      {R"("registrytoken":"tok")", Credential::Kind::bearer, "", "tok"},
      {R"("username":"<token>","password":"tok")", Credential::Kind::identity_token, "", "tok"},
  };
  for (const Row& row : rows) {
    const auto config =
        DockerConfig::parse(fmt::format(R"({{"auths":{{"h":{{{}}}}}}})", row.fields), "f");
    const auto found = config.find("h", "r");
    ASSERT_TRUE(found) << row.fields;
    EXPECT_EQ(found->kind, row.kind) << row.fields;
    EXPECT_EQ(found->username, row.user) << row.fields;
    EXPECT_EQ(found->secret.reveal(), row.secret) << row.fields;
    EXPECT_EQ(found->source, "f");
  }
}

TEST(DockerConfig, TreatsAnEmptyEntryAsAMarkerOnly) {
  EXPECT_EQ(user_for(DockerConfig::parse(R"({"auths":{"h":{}}})", "f"), "h"), "-");
  EXPECT_EQ(user_for(DockerConfig::parse(R"({"auths":{"h":{"email":"a@b"}}})", "f"), "h"), "-");
}

TEST(DockerConfig, RefusesAnEntryItCannotUseOnlyWhenItIsNeeded) {
  for (const std::string_view fields :
       {R"("auth":"!!!")", R"("auth":"bm9jb2xvbg==")", R"("auth":"OnA=")", R"("auth":"dTo=")",
        R"("auth":7)", R"("username":"u")", R"("identitytoken":["secret-in-a-list"])"}) {
    const auto config = DockerConfig::parse(
        fmt::format(R"({{"auths":{{"bad":{{{}}},{}}}}})", fields, entry("good", "u")), "the file");
    EXPECT_EQ(user_for(config, "good"), "u");
    const auto error = failure_of([&] { config.find("bad", "r"); });
    ASSERT_TRUE(error) << fields;
    EXPECT_EQ(error->reason(), Reason::credentials_invalid);
    EXPECT_NE(error->message().find("the file"), std::string::npos);
    EXPECT_EQ(error->message().find("nocolon"), std::string::npos);
    EXPECT_EQ(error->message().find("secret-in-a-list"), std::string::npos);
  }
}

TEST(DockerConfig, RefusesWhatIsNoConfigWithoutRepeatingIt) {
  for (const std::string_view text :
       {"", "null", "[]", "s3cret", R"({"auths":{"h":{"auth":"s3cret")",
        R"({"a":1,"a":"s3cret"})"}) {
    const auto error = failure_of([&] { DockerConfig::parse(text, "the file"); });
    ASSERT_TRUE(error) << text;
    EXPECT_EQ(error->reason(), Reason::credentials_invalid);
    EXPECT_EQ(std::string(error->what()).find("s3cret"), std::string::npos);
  }
}

TEST(DockerConfig, TakesTheOldFileWhoseTopIsTheMap) {
  EXPECT_EQ(user_for(DockerConfig::parse_legacy("{" + entry("https://h/v1/", "u") + "}", "f"), "h"),
            "u");
  EXPECT_EQ(
      user_for(DockerConfig::parse_legacy(R"({"auths":{)" + entry("h", "u") + "}}", "f"), "h"),
      "u");
}

TEST(DockerConfig, NamesTheHelperOfAHostBeforeTheStoreOfTheFile) {
  const auto config = DockerConfig::parse(
      R"({"credsStore":"pass","credHelpers":{"https://ecr.example":"ecr-login"}})", "f");
  ASSERT_TRUE(config.helper("ecr.example"));
  EXPECT_EQ(config.helper("ecr.example")->suffix, "ecr-login");
  EXPECT_TRUE(config.helper("ecr.example")->for_this_host);
  EXPECT_EQ(config.helper("other.example")->suffix, "pass");
  EXPECT_FALSE(config.helper("other.example")->for_this_host);
  EXPECT_FALSE(DockerConfig::parse("{}", "f").helper("h"));
}

}  // namespace
}  // namespace ocisync
