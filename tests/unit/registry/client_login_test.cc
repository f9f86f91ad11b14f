// How the client answers a 401, and how few requests that takes.

#include <thread>

#include "rig.h"

namespace ocisync {
namespace {

using Auth = FakeRegistry::Auth;

class Login : public Rig {
 protected:
  Login() { registry_.add_manifest("team/web", "1.0", "{}"); }

  std::vector<std::string> authorizations() const {
    std::vector<std::string> headers;
    for (const auto& seen : http_.seen())
      headers.push_back(seen.header("Authorization"));
    return headers;
  }
};

TEST_F(Login, IsNotTriedWithARegistryThatIsOpen) {
  log_in();
  manifest();
  EXPECT_EQ(authorizations(), std::vector<std::string>{""});
}

TEST_F(Login, WithBasicFollowsAnAnonymousRequestOnce) {
  registry_.auth = Auth::basic;
  log_in();
  manifest();
  const std::string basic = "Basic " + base64_encode("robot:hunter2-hunter2");
  EXPECT_EQ(authorizations(), (std::vector<std::string>{"", basic}));
  manifest();
  EXPECT_EQ(authorizations(), (std::vector<std::string>{"", basic, basic}));
}

TEST_F(Login, WithATokenSendsThePasswordToTheTokenServiceOnly) {
  registry_.auth = Auth::bearer;
  log_in();
  manifest();
  EXPECT_EQ(authorizations(),
            (std::vector<std::string>{"", "Basic " + base64_encode("robot:hunter2-hunter2"),
                                      "Bearer token-1-token"}));
  const auto token = http_.seen().at(1);
  EXPECT_EQ(parameters(token.url.query(), "service"), std::vector<std::string>{"registry"});
  EXPECT_EQ(parameters(token.url.query(), "scope"),
            std::vector<std::string>{"repository:team/web:pull"});
  EXPECT_EQ(parameters(token.url.query(), "account"), std::vector<std::string>{"robot"});
  EXPECT_EQ(parameters(token.url.query(), "client_id"), std::vector<std::string>{"ocisync"});
  EXPECT_EQ(counts_.requests, 3U);
}

TEST_F(Login, AnonymouslySendsNoHeaderToTheTokenService) {
  registry_.auth = Auth::bearer;
  manifest();
  EXPECT_EQ(authorizations(), (std::vector<std::string>{"", "", "Bearer token-1-token"}));
  EXPECT_TRUE(parameters(http_.seen().at(1).url.query(), "account").empty());
}

TEST_F(Login, WithAnIdentityTokenPostsIt) {
  registry_.auth = Auth::bearer;
  write("identity", registry_.identity_token);
  entry().credentials = CredentialsSpec{};
  entry().credentials->kind = CredentialsSpec::Kind::identity_token_file;
  entry().credentials->path = home_.path() / "identity";
  manifest();
  const auto post = http_.seen().at(1);
  EXPECT_EQ(post.line, "POST https://registry.example.com/token");
  EXPECT_EQ(parameters(post.body, "grant_type").at(0), "refresh_token");
  EXPECT_EQ(parameters(post.body, "scope").at(0), "repository:team/web:pull");
  EXPECT_EQ(parameters(post.body, "client_id").at(0), "ocisync");
  EXPECT_EQ(http_.seen().at(2).header("Authorization"), "Bearer token-1-token");
  EXPECT_EQ(exchanges_.at(1).sent, post.body.size());
  EXPECT_EQ(exchanges_.at(2).sent, 0U);
}

TEST_F(Login, WithATokenFileSendsItAsItIs) {
  registry_.auth = Auth::bearer;
  write("token", "mine\n");
  entry().credentials = CredentialsSpec{};
  entry().credentials->kind = CredentialsSpec::Kind::token_file;
  entry().credentials->path = home_.path() / "token";
  http_.on(std::string(kManifestLine),
           {{401, {{"WWW-Authenticate", R"(Bearer realm="https://registry.example.com/token")"}}},
            {200, {}, "{}"}});
  manifest();
  EXPECT_EQ(authorizations(), (std::vector<std::string>{"", "Bearer mine"}));
  EXPECT_EQ(registry_.token_requests, 0U);
}

TEST_F(Login, CostsThreeRequestsAChartAndTwoARegistry) {
  registry_.auth = Auth::bearer;
  log_in();
  std::vector<Reference> references;
  std::vector<Descriptor> blobs;
  for (int i = 0; i < 20; ++i) {
    const std::string repository = fmt::format("charts/c{}", i);
    registry_.add_manifest(repository, "1.0", "{}");
    registry_.add_blob(repository, "config");
    references.push_back(ref(fmt::format("registry.example.com/{}:1.0", repository)));
  }
  const Descriptor blob = registry_.add_blob("charts/c0", "config");
  client().expect(references);
  for (const Reference& reference : references) {
    manifest(reference);
    for (int i = 0; i < 2; ++i) {
      KeptBlob kept;
      client().blob(reference, blob, kept.target(), counts_, {});
    }
  }
  EXPECT_EQ(lines().size(), 20U * 3 + 2);
  EXPECT_EQ(registry_.token_requests, 1U);
  EXPECT_EQ(parameters(http_.seen().at(1).url.query(), "scope").size(), 20U);
  EXPECT_EQ(parameters(http_.seen().at(1).url.query(), "scope").at(0), "repository:charts/c0:pull");
  EXPECT_EQ(counts_.requests, 62U);
}

TEST_F(Login, AsksForFiftyRepositoriesAtATime) {
  registry_.auth = Auth::bearer;
  std::vector<Reference> references;
  for (int i = 0; i < 120; ++i) {
    registry_.add_manifest(fmt::format("c{}", i), "1.0", "{}");
    references.push_back(ref(fmt::format("registry.example.com/c{}:1.0", i)));
  }
  client().expect(references);
  for (const Reference& reference : references)
    manifest(reference);
  EXPECT_EQ(registry_.token_requests, 3U);
  EXPECT_EQ(lines().size(), 120U + 1 + 3);
}

TEST_F(Login, AsksForOneRepositoryAtATimeWhereTheServiceGivesNoMore) {
  registry_.auth = Auth::bearer;
  registry_.shares_tokens = false;
  std::vector<Reference> references;
  for (int i = 0; i < 10; ++i) {
    registry_.add_manifest(fmt::format("c{}", i), "1.0", "{}");
    references.push_back(ref(fmt::format("registry.example.com/c{}:1.0", i)));
  }
  client().expect(references);
  for (const Reference& reference : references)
    manifest(reference);
  EXPECT_EQ(registry_.token_requests, 10U);
  EXPECT_EQ(lines().size(), 10U + 10 + 1 + 1) << "one anonymous, one refused for its scope";
  for (const Reference& reference : references)
    manifest(reference);
  EXPECT_EQ(registry_.token_requests, 10U) << "all of them are kept";
}

TEST_F(Login, AsksForOneRepositoryAtATimeWhereTheServiceRefusesMore) {
  registry_.auth = Auth::bearer;
  registry_.refuses_many = true;
  std::vector<Reference> references;
  for (int i = 0; i < 5; ++i) {
    registry_.add_manifest(fmt::format("c{}", i), "1.0", "{}");
    references.push_back(ref(fmt::format("registry.example.com/c{}:1.0", i)));
  }
  client().expect(references);
  for (const Reference& reference : references)
    manifest(reference);
  EXPECT_EQ(registry_.token_requests, 6U);
}

TEST_F(Login, OfManyAtOnceSendsOneAnonymousAndOneTokenRequest) {
  registry_.auth = Auth::bearer;
  settings_.observe = nullptr;
  std::vector<Reference> references;
  for (int i = 0; i < 16; ++i) {
    registry_.add_manifest(fmt::format("c{}", i), "1.0", "{}");
    references.push_back(ref(fmt::format("registry.example.com/c{}:1.0", i)));
  }
  client().expect(references);
  std::vector<std::thread> threads;
  for (const Reference& reference : references)
    threads.emplace_back([this, reference] {
      TransferCounts counts;
      client().manifest(reference, counts, {});
    });
  for (std::thread& thread : threads)
    thread.join();
  EXPECT_EQ(registry_.token_requests, 1U);
  EXPECT_EQ(lines().size(), 16U + 2);
}

TEST_F(Login, IsRefreshedShortlyBeforeATokenLapses) {
  registry_.auth = Auth::bearer;
  registry_.expires_in = "300";
  manifest();
  clock_.advance(std::chrono::seconds(269));
  manifest();
  EXPECT_EQ(registry_.token_requests, 1U);
  clock_.advance(std::chrono::seconds(1));
  manifest();
  EXPECT_EQ(registry_.token_requests, 2U);
  EXPECT_EQ(lines().size(), 6U) << "no request was wasted on the old token";
}

TEST_F(Login, IsRepeatedOnceWhenATokenLapsesEarly) {
  registry_.auth = Auth::bearer;
  manifest();
  registry_.revoke_tokens();
  http_.forget();
  manifest();
  EXPECT_EQ(lines().size(), 3U);
  EXPECT_EQ(registry_.token_requests, 2U);
}

TEST_F(Login, ThatIsRefusedForeverEndsAfterTwoTokens) {
  registry_.auth = Auth::bearer;
  log_in();
  http_.on(
      std::string(kManifestLine),
      {{401,
        {{"WWW-Authenticate", R"(Bearer realm="https://registry.example.com/token",service="s")"}},
        R"({"errors":[{"code":"UNAUTHORIZED","message":"go away"}]})"}});
  const auto error = failure_of([&] { manifest(); });
  ASSERT_TRUE(error);
  EXPECT_EQ(error->reason(), Reason::unauthorized);
  EXPECT_EQ(error->http_status(), 401);
  EXPECT_EQ(registry_.token_requests, 2U);
  EXPECT_EQ(http_.count(kManifestLine), 3U);
  const std::string text = error->what();
  EXPECT_NE(text.find("not found or not authorised"), std::string::npos) << text;
  EXPECT_NE(text.find("UNAUTHORIZED: go away"), std::string::npos) << text;
  EXPECT_NE(text.find("passwordFile"), std::string::npos) << text;
}

TEST_F(Login, WithAWrongPasswordIsTriedOnceAndSaysWhereItCameFrom) {
  registry_.auth = Auth::basic;
  log_in("registry.example.com", "wrong-wrong");
  const auto error = failure_of([&] { manifest(); });
  ASSERT_TRUE(error);
  EXPECT_EQ(error->reason(), Reason::unauthorized);
  EXPECT_EQ(lines().size(), 2U) << "the same password is not tried twice";
  const std::string text = error->what();
  EXPECT_NE(text.find("credentials from passwordFile"), std::string::npos) << text;
  EXPECT_EQ(text.find("wrong-wrong"), std::string::npos) << text;
}

TEST_F(Login, ReadsARotatedPasswordAgainInTheMiddleOfARequest) {
  for (const Auth auth : {Auth::basic, Auth::bearer}) {
    registry_.auth = auth;
    registry_.anonymous_tokens = false;
    log_in();
    manifest();
    registry_.password = registry_.password + "-new";
    registry_.revoke_tokens();
    write("password", registry_.password);
    manifest();
  }
}

TEST_F(Login, NoticesAPasswordThatChangesBetweenTheRefusalAndTheSecondLook) {
  registry_.auth = Auth::basic;
  log_in("registry.example.com", "old");
  bool rotated = false;
  http_.otherwise([&](const ScriptedHttp::Seen& seen) {
    if (!std::exchange(rotated, !seen.header("Authorization").empty()) && rotated)
      write("password", registry_.password);
    return registry_(seen);
  });
  manifest();
  EXPECT_EQ(lines().size(), 3U);
}

TEST_F(Login, AtATokenServiceThatRefusesSaysSo) {
  registry_.auth = Auth::bearer;
  registry_.anonymous_tokens = false;
  log_in("registry.example.com", "wrong-wrong");
  const auto error = failure_of([&] { manifest(); });
  ASSERT_TRUE(error);
  EXPECT_EQ(error->reason(), Reason::unauthorized);
  EXPECT_EQ(error->http_status(), 401);
  EXPECT_EQ(registry_.token_requests, 1U);
  const std::string text = error->what();
  EXPECT_NE(text.find("asking the token service registry.example.com"), std::string::npos) << text;
  EXPECT_NE(text.find("UNAUTHORIZED: wrong password"), std::string::npos) << text;
}

TEST_F(Login, ThatNobodyConfiguredIsNamedAsMissing) {
  registry_.auth = Auth::basic;
  const auto error = failure_of([&] { manifest(); });
  ASSERT_TRUE(error);
  EXPECT_EQ(error->reason(), Reason::unauthorized);
  EXPECT_NE(std::string(error->what()).find("no credentials are configured"), std::string::npos);
  EXPECT_EQ(lines().size(), 1U);
}

TEST_F(Login, WithSchemesNobodyKnowsNamesThem) {
  log_in();
  http_.on(
      std::string(kManifestLine),
      {{401, {{"WWW-Authenticate", "Negotiate"}, {"WWW-Authenticate", R"(Digest realm="a")"}}}});
  const auto error = failure_of([&] { manifest(); });
  ASSERT_TRUE(error);
  EXPECT_NE(std::string(error->what()).find("negotiate, digest"), std::string::npos);
}

TEST_F(Login, PrefersBearerToBasicWhateverTheirOrder) {
  registry_.auth = Auth::bearer;
  log_in();
  http_.on(
      std::string(kManifestLine),
      {{401,
        {{"WWW-Authenticate",
          R"(Basic realm="x", Bearer realm="https://registry.example.com/token",service="s")"}}},
       {200, {}, "{}"}});
  manifest();
  EXPECT_EQ(authorizations().back(), "Bearer token-1-token");
}

TEST_F(Login, AsksTheFrontDoorWhenA401SaysNothing) {
  registry_.auth = Auth::bearer;
  http_.on(std::string(kManifestLine), {{401}, {200, {}, "{}"}});
  manifest();
  EXPECT_EQ(lines().at(1), "GET https://registry.example.com/v2/");
  EXPECT_EQ(lines().size(), 4U);
}

TEST_F(Login, TakesTheScopeThatTheRegistryNames) {
  registry_.auth = Auth::bearer;
  const auto challenge = [](std::string_view scope) {
    return Reply{
        401,
        {{"WWW-Authenticate",
          fmt::format(R"(Bearer realm="https://registry.example.com/token",scope="{}")", scope)}}};
  };
  http_.on(std::string(kManifestLine), {challenge("aws"), {200, {}, "{}"}});
  http_.on("GET https://registry.example.com/v2/team/api/manifests/1.0", {{200, {}, "{}"}});
  manifest();
  manifest(ref("registry.example.com/team/api:1.0"));
  EXPECT_EQ(parameters(http_.seen().at(1).url.query(), "scope"), std::vector<std::string>{"aws"});
  EXPECT_EQ(registry_.token_requests, 1U) << "one scope that is good for all";
  EXPECT_EQ(lines().size(), 4U);
}

TEST_F(Login, KeepsTheTokensOfTwoCredentialsApart) {
  registry_.auth = Auth::bearer;
  registry_.add_manifest("other/web", "1.0", "{}");
  log_in();
  RegistrySpec other;
  other.host = "registry.example.com";
  other.path_prefix = "other";
  other.credentials = CredentialsSpec{};
  spec_.registries.push_back(other);
  client().expect({ref(), ref("registry.example.com/other/web:1.0")});
  manifest();
  manifest(ref("registry.example.com/other/web:1.0"));
  EXPECT_EQ(registry_.token_requests, 2U);
  EXPECT_EQ(http_.seen().at(3).header("Authorization"), "") << "the second tenant is anonymous";
}

TEST_F(Login, IsNotTriedAgainWhereTheSpecsCredentialsAreMissing) {
  log_in();
  std::filesystem::remove(home_.path() / "password");
  EXPECT_EQ(reason_of([&] { manifest(); }), Reason::credentials_invalid);
  EXPECT_TRUE(lines().empty()) << "nothing is asked anonymously";
}

TEST_F(Login, FindsATokenServiceThatMoved) {
  registry_.auth = Auth::bearer;
  manifest();
  registry_.realm = "https://registry.example.com/elsewhere";
  registry_.revoke_tokens();
  http_.on(std::string(kTokenLine), {{404}});
  clock_.advance(std::chrono::hours(1));
  EXPECT_EQ(reason_of([&] { manifest(); }), Reason::not_found);
  manifest();
}

}  // namespace
}  // namespace ocisync
