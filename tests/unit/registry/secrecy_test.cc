// No error, log line or redirect ever shows a secret.

#include <set>

#include "base/json.h"
#include "registry/warnings.h"
#include "rig.h"

namespace ocisync {
namespace {

class Secrecy : public Rig {
 protected:
  // What must not be seen: the secrets and what they are sent as.
  std::vector<std::string> secrets() const {
    return {registry_.password, base64_encode(registry_.password),
            base64_encode(registry_.user + ":" + registry_.password), "token-1-token",
            "sig=secret"};
  }

  void expect_no_secret(std::string_view text, std::string_view where) {
    for (const std::string& secret : secrets())
      EXPECT_EQ(text.find(secret), std::string_view::npos) << where << ": " << text;
  }

  // A server that repeats all it was sent, and decodes it too.
  static std::string echo(const ScriptedHttp::Seen& seen) {
    std::string text = seen.body;
    for (const auto& [name, value] : seen.headers.fields())
      text += " " + name + ": " + value;
    const std::string sent = seen.header("Authorization");
    if (sent.starts_with("Basic "))
      text += " " + base64_decode(sent.substr(6)).value_or("");
    Json error = Json::object();
    error.set("code", "ECHO");
    error.set("message", text);
    Json errors = Json::array();
    errors.add(std::move(error));
    Json answer = Json::object();
    answer.set("errors", std::move(errors));
    return answer.dump();
  }
};

TEST_F(Secrecy, HoldsForEveryErrorAServerCanCauseByEchoing) {
  registry_.password = R"(hun"ter2\hunter2)";  // which JSON escapes
  log_in();
  registry_.auth = FakeRegistry::Auth::bearer;
  registry_.anonymous_tokens = false;
  std::set<std::string> texts;
  for (const int status : {400, 401, 403, 404, 405, 407, 409, 413, 429, 500, 503}) {
    for (const bool token_service : {false, true}) {
      http_.otherwise([&, this](const ScriptedHttp::Seen& seen) {
        const bool here = token_service == (seen.url.path() == "/token");
        const bool secret = !seen.header("Authorization").empty();
        Reply reply = registry_(seen);
        if (!here || !secret)
          return reply;
        reply.status = status;
        reply.body = echo(seen);
        return reply;
      });
      const auto error = failure_of([&] { manifest(); });
      ASSERT_TRUE(error) << status;
      expect_no_secret(error->what(), "what");
      expect_no_secret(error->hint(), "hint");
      texts.insert(error->what());
      registry_.revoke_tokens();
    }
  }
  EXPECT_GE(texts.size(), 11U) << "the answers were really read";
}

TEST_F(Secrecy, HoldsForSignedAddresses) {
  for (const int status : {400, 403, 404, 500}) {
    http_.on(std::string(kManifestLine),
             {{307, {{"Location", "https://s3.example.net/b?sig=secret&X-Amz=1"}}}});
    http_.on("GET https://s3.example.net/b", {{status}});
    const auto error = failure_of([&] { manifest(); });
    ASSERT_TRUE(error);
    expect_no_secret(error->what(), "storage");
  }
  http_.on(std::string(kManifestLine),
           {{307, {{"Location", "ftp://s3.example.net/b?sig=secret"}}}});
  const auto error = failure_of([&] { manifest(); });
  ASSERT_TRUE(error);
  expect_no_secret(error->what(), "refused redirect");
}

TEST_F(Secrecy, HoldsForPasswordsInARealmOrALocation) {
  registry_.auth = FakeRegistry::Auth::bearer;
  registry_.realm = "https://robot:" + registry_.password + "@evil.example.net/token";
  const auto error = failure_of([&] { manifest(); });
  ASSERT_TRUE(error);
  expect_no_secret(error->what(), "realm");
}

TEST_F(Secrecy, HoldsForTheLogAtItsLoudest) {
  ::testing::internal::CaptureStderr();
  {
    Log loud(LogLevel::debug, LogFormat::json, false);
    log_in();
    entry().mirrors.push_back({"mirror.example.net", "", true});
    registry_.auth = FakeRegistry::Auth::bearer;
    registry_.add_manifest("team/web", "1.0", "{}");
    RegistryClient client(spec_, settings_, http_, auth_, credentials_, clock_, loud,
                          environment());
    client.manifest(ref(), counts_, {});
  }
  const std::string log = ::testing::internal::GetCapturedStderr();
  EXPECT_NE(log.find("MirrorFailed"), std::string::npos) << log;
  expect_no_secret(log, "log");
}

TEST_F(Secrecy, KeepsTwoRegistriesApart) {
  log_in();
  registry_.auth = FakeRegistry::Auth::basic;
  registry_.add_manifest("team/web", "1.0", "{}");
  http_.on("GET https://another.example.com/v2/team/web/manifests/1.0",
           {{401, {{"WWW-Authenticate", "Basic realm=x"}}}});
  manifest();
  EXPECT_EQ(reason_of([&] { manifest(ref("another.example.com/team/web:1.0")); }),
            Reason::unauthorized);
  EXPECT_FALSE(saw_credentials("another.example.com"));
}

TEST(Warnings, AreReadInOneShapeOnly) {
  const std::pair<std::string, std::optional<std::string>> rows[] = {
      {R"(299 - "you are close to your limit")", "you are close to your limit"},
      {R"(299 - "a \"quoted\" word")", R"(a "quoted" word)"},
      {R"(299 - "dated" "Sat, 25 Aug 2012 23:34:45 GMT")", std::nullopt},
      {R"(199 - "another code")", std::nullopt},
      {R"(299 agent "text")", std::nullopt},
      {R"(299 - text)", std::nullopt},
      {R"(299 - "open)", std::nullopt},
      {R"(299 - "")", std::nullopt},
      {"", std::nullopt},
      {"299 - \"" + std::string(1 << 20, 'a') + "\"", std::nullopt},
  };
  for (const auto& [value, expected] : rows)
    EXPECT_EQ(parse_warning(value), expected) << value.substr(0, 60);
}

TEST(Warnings, HideWhatATerminalWouldObeyAndTheSecretsThatWereSent) {
  ::testing::internal::CaptureStderr();
  {
    Log log(LogLevel::info, LogFormat::text, false);
    Headers headers;
    headers.add("Warning", "299 - \"\x1b[31myou sent p\\\"w\"");
    Warnings(log).hear("a", headers, {Secret("p\"w")});
  }
  const std::string said = ::testing::internal::GetCapturedStderr();
  EXPECT_NE(said.find("\\x1b[31myou sent [redacted]"), std::string::npos) << said;
}

TEST(Warnings, AreToldOncePerHostAndText) {
  ::testing::internal::CaptureStderr();
  {
    Log log(LogLevel::info, LogFormat::json, false);
    Warnings warnings(log);
    Headers headers;
    headers.add("Warning", R"(299 - "rate limits are coming")");
    for (const std::string host : {"a", "a", "b", "a"})
      warnings.hear(host, headers, {});
    for (int i = 0; i < 1000; ++i) {
      Headers flood;
      flood.add("Warning", fmt::format(R"(299 - "number {}")", i));
      warnings.hear("flood", flood, {});
    }
  }
  const std::string log = ::testing::internal::GetCapturedStderr();
  EXPECT_EQ(std::count(log.begin(), log.end(), '\n'), 100);
  EXPECT_NE(log.find("rate limits are coming"), std::string::npos);
}

}  // namespace
}  // namespace ocisync
