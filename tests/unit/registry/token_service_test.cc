#include "registry/token_service.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "support/failure.h"
#include "support/manual_clock.h"
#include "support/scripted_http.h"

namespace ocisync {
namespace {

using namespace std::chrono_literals;

TEST(Token, LivesAsLongAsTheServiceSaysWithinReason) {
  const std::pair<std::string_view, Duration> rows[] = {
      {"300", 300s},
      {"60", 60s},
      {"59", 60s},
      {"0", 60s},
      {"-1", 60s},
      {"300.5", 300s},
      {"1e300", 24h},
      {"-1e300", 60s},
      {"86401", 24h},
      {"\"300\"", 60s},
      {"null", 60s},
      {"[]", 60s},
      {"18446744073709551615", 24h},
  };
  for (const auto& [seconds, lifetime] : rows)
    EXPECT_EQ(parse_token(fmt::format(R"({{"token":"t","expires_in":{}}})", seconds)).lifetime,
              lifetime)
        << seconds;
  EXPECT_EQ(parse_token(R"({"token":"t"})").lifetime, 60s);
}

TEST(Token, HasEitherName) {
  EXPECT_EQ(parse_token(R"({"token":"a"})").text.reveal(), "a");
  EXPECT_EQ(parse_token(R"({"access_token":"b"})").text.reveal(), "b");
  EXPECT_EQ(parse_token(R"({"access_token":"b","token":"a"})").text.reveal(), "a");
  EXPECT_EQ(parse_token(R"({"token":"","access_token":"b"})").text.reveal(), "b");
  EXPECT_EQ(parse_token(R"({"token":null,"access_token":"b"})").text.reveal(), "b");
}

TEST(Token, ThatNoHeaderCanCarryIsRefused) {
  for (const std::string_view body :
       {R"({"token":"a\r\nX: y"})", R"({"token":"a b"})", R"({"token":"a\u0000b"})",
        R"({"token":"ü"})", R"({"token":7})", R"({"token":["a"]})", R"({"token":{}})", "{}", "[]",
        "null", "", "{", R"({"token":"","access_token":""})", R"("token")"}) {
    const auto error = failure_of([&] { parse_token(body); });
    ASSERT_TRUE(error) << body;
    EXPECT_EQ(error->reason(), Reason::protocol_violation) << body;
  }
}

class TokenService : public ::testing::Test {
 protected:
  static constexpr const char* kLine = "GET https://auth.example.com/token";

  Token ask() { return ask_token_service(question_, http_, clock_, {}); }

  void give_password() {
    question_.credential = {Credential::Kind::basic, "u", Secret("hunter2"), "f"};
  }

  TokenQuestion question_{{*Url::parse("https://auth.example.com/token?keep=this"),
                           AddressPolicy::public_only, std::make_shared<const Route>()},
                          "the service",
                          {"repository:a/b:pull", "repository:c:pull"},
                          {},
                          30s};
  ScriptedHttp http_;
  ManualClock clock_;
};

TEST_F(TokenService, IsAskedForEveryScopeByItself) {
  http_.on(kLine, {{200, {}, R"({"token":"t"})"}});
  ask();
  EXPECT_EQ(http_.lines().at(0),
            "GET https://auth.example.com/token?keep=this&service=the%20service&"
            "scope=repository%3Aa%2Fb%3Apull&scope=repository%3Ac%3Apull&client_id=ocisync");
  EXPECT_EQ(http_.seen().at(0).addresses, AddressPolicy::public_only);
}

TEST_F(TokenService, ThatRedirectsIsNotFollowedWithASecret) {
  give_password();
  for (const std::string location : {"https://evil.example.net/", "/elsewhere"}) {
    http_.on(kLine, {{307, {{"Location", location}}}});
    EXPECT_EQ(reason_of([&] { ask(); }), Reason::policy_refused);
  }
  question_.credential.kind = Credential::Kind::identity_token;
  http_.on("POST https://auth.example.com/token", {{307, {{"Location", "/elsewhere"}}}});
  EXPECT_EQ(reason_of([&] { ask(); }), Reason::policy_refused);
  EXPECT_EQ(http_.lines().size(), 3U);
}

TEST_F(TokenService, ThatRedirectsWithinItsOriginIsFollowedWithoutOne) {
  http_.on(kLine, {{307, {{"Location", "/v2"}}}});
  http_.on("GET https://auth.example.com/v2", {{200, {}, R"({"token":"t"})"}});
  EXPECT_EQ(ask().text.reveal(), "t");
  http_.on("GET https://auth.example.com/v2", {{307, {{"Location", "https://evil.example.net/"}}}});
  EXPECT_EQ(reason_of([&] { ask(); }), Reason::policy_refused);
  http_.on("GET https://auth.example.com/v2", {{307, {{"Location", "/v2"}}}});
  EXPECT_EQ(reason_of([&] { ask(); }), Reason::policy_refused);
}

TEST_F(TokenService, ThatSendsTooMuchIsCutOff) {
  http_.on(kLine, {{200, {}, R"({"token":")" + std::string(10 << 20, 'a') + "\"}"}});
  EXPECT_EQ(reason_of([&] { ask(); }), Reason::limit_exceeded);
}

TEST_F(TokenService, ThatIsALoginPageSaysSo) {
  http_.on(kLine, {{200, {{"Content-Type", "text/html"}}, "<html>"}});
  const auto error = failure_of([&] { ask(); });
  ASSERT_TRUE(error);
  EXPECT_NE(error->message().find("web page"), std::string::npos);
}

TEST_F(TokenService, ThatEchoesThePasswordIsNotQuoted) {
  give_password();
  http_.on(kLine,
           {{403,
             {},
             R"({"errors":[{"code":"DENIED","message":"u:hunter2 aHVudGVyMg== dTpodW50ZXIy"}]})"}});
  const auto error = failure_of([&] { ask(); });
  ASSERT_TRUE(error);
  EXPECT_EQ(error->reason(), Reason::unauthorized);
  for (const std::string_view secret : {"hunter2", "aHVudGVyMg==", "dTpodW50ZXIy"})
    EXPECT_EQ(std::string(error->what()).find(secret), std::string::npos) << error->what();
}

}  // namespace
}  // namespace ocisync
