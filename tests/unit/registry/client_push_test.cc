// Pushing: what is sent, where it may go, and what an unclear answer leads to.

#include "rig.h"
#include "support/expect_error.h"

namespace ocisync {
namespace {

using Auth = FakeRegistry::Auth;
using Lines = std::vector<std::string>;

const std::string kBase = "https://registry.example.com/v2/team/web/";
const std::string kTag = kBase + "manifests/1.0";
const std::string kUploads = kBase + "blobs/uploads/";
const std::string kSession = kBase + "blobs/uploads/7?_state=a%2Fb%3D";

class Push : public Rig {
 protected:
  PushArtifact artifact() {
    PushArtifact result;
    for (const std::string& bytes : {config_, content_})
      result.blobs.push_back({{"", Digest::of(bytes), bytes.size(), "", {}}, [bytes, this] {
                                ++reads_;
                                return bytes;
                              }});
    result.manifest = manifest_;
    return result;
  }

  PushedArtifact push() { return client().push(ref(), artifact(), counts_, {}); }

  std::string head(const std::string& bytes) const {
    return "HEAD " + kBase + "blobs/" + Digest::of(bytes).str();
  }

  std::string put(const std::string& bytes) const {
    return "PUT " + kSession + "&digest=" + percent_encode(Digest::of(bytes).str());
  }

  // Answers that would be the registry's, but for those that come first.
  void first(const std::string& line, std::vector<Reply> replies) {
    faults_[line] = std::move(replies);
    http_.otherwise([this](const ScriptedHttp::Seen& seen) {
      auto& faults = faults_[seen.line];
      if (faults.empty())
        return registry_(seen);
      Reply reply = faults.front();
      faults.erase(faults.begin());
      return reply;
    });
  }

  const std::string config_ = "{}", content_ = "the chart", manifest_ = R"({"schemaVersion":2})";
  int reads_ = 0;

 private:
  std::map<std::string, std::vector<Reply>> faults_;
};

// Notes where in memory the bodies are that go out.
class BodyWatcher final : public HttpClient {
 public:
  explicit BodyWatcher(HttpClient& http) : http_(http) {}

  HttpResponse send(const HttpRequest& request, std::stop_token stop) override {
    seen_[request.body] = request.body.data();
    return http_.send(request, std::move(stop));
  }

  const void* sent_from(const std::string& body) const { return seen_.at(body); }

 private:
  HttpClient& http_;
  std::map<std::string, const void*> seen_;
};

TEST_F(Push, SendsWhatIsMissingAndTheManifestLast) {
  const PushedArtifact pushed = push();
  EXPECT_EQ(lines(), (Lines{"HEAD " + kTag, head(config_), "POST " + kUploads, put(config_),
                            head(content_), "POST " + kUploads, put(content_), "PUT " + kTag}));
  EXPECT_EQ(pushed.digest, Digest::of(manifest_));
  EXPECT_EQ(pushed.before, std::nullopt);
  EXPECT_EQ(pushed.uploaded, (std::vector{Digest::of(config_), Digest::of(content_)}));
  EXPECT_EQ(registry_.manifest_at("team/web", "1.0"), manifest_);
  const auto last = http_.seen().back();
  EXPECT_EQ(last.header("Content-Type"), media_type::kManifest);
  EXPECT_EQ(http_.seen().at(3).header("Content-Type"), "application/octet-stream");
}

TEST_F(Push, HoldsABlobInMemoryOnce) {
  const std::string bytes(100'000, 'b');
  const char* read_to = nullptr;
  PushArtifact one;
  one.blobs.push_back({{"", Digest::of(bytes), bytes.size(), "", {}}, [&] {
                         std::string copy = bytes;
                         read_to = copy.data();
                         return copy;
                       }});
  one.manifest = manifest_;
  BodyWatcher http(http_);
  RegistryClient(spec_, settings_, http, auth_, credentials_, clock_, log_, environment())
      .push(ref(), one, counts_, {});
  EXPECT_EQ(http.sent_from(bytes), static_cast<const void*>(read_to));
}

TEST_F(Push, OfWhatIsThereIsOneHead) {
  registry_.add_manifest("team/web", "1.0", manifest_);
  const PushedArtifact pushed = push();
  EXPECT_EQ(lines(), Lines{"HEAD " + kTag});
  EXPECT_EQ(pushed.before, pushed.digest);
  EXPECT_EQ(reads_, 0);
}

TEST_F(Push, LeavesOutBlobsThatAreThere) {
  registry_.add_manifest("team/web", "1.0", "another");
  registry_.add_blob("team/web", content_);
  const PushedArtifact pushed = push();
  EXPECT_EQ(pushed.before, Digest::of("another"));
  EXPECT_EQ(pushed.uploaded, std::vector{Digest::of(config_)});
  EXPECT_EQ(http_.count("POST"), 1U);
}

TEST_F(Push, AsksForATokenThatLetsItWriteOnce) {
  registry_.auth = Auth::bearer;
  log_in();
  push();
  EXPECT_EQ(registry_.token_requests, 1U);
  for (const auto& seen : http_.seen())
    if (seen.url.path() == "/token") {
      EXPECT_EQ(parameters(seen.url.query(), "scope"), Lines{"repository:team/web:pull,push"});
    }
}

TEST_F(Push, GoesOnWithAFreshTokenWhereOneWasRefused) {
  registry_.auth = Auth::bearer;
  log_in();
  http_.otherwise([this, revoked = false](const ScriptedHttp::Seen& seen) mutable {
    if (seen.line == put(content_) && !std::exchange(revoked, true))
      registry_.revoke_tokens();
    return registry_(seen);
  });
  push();
  EXPECT_EQ(registry_.token_requests, 2U);
  EXPECT_EQ(http_.count(put(content_)), 2U);  // the same upload, the whole body again
  EXPECT_EQ(http_.count("POST"), 2U);
  EXPECT_EQ(registry_.manifest_at("team/web", "1.0"), manifest_);
}

TEST_F(Push, GoesWhereTheRegistryWantsTheBytesWithoutItsCredentials) {
  registry_.auth = Auth::basic;
  log_in();
  registry_.uploads_at = "https://storage.example.net/put?signature=abc";
  http_.on("PUT https://storage.example.net/put", {{201}});
  push();
  EXPECT_EQ(http_.count("PUT https://storage.example.net/put?signature=abc&digest=sha256%3A"), 2U);
  EXPECT_FALSE(saw_credentials("storage.example.net"));
  for (const auto& seen : http_.seen())
    if (seen.url.origin().host == "storage.example.net") {
      EXPECT_EQ(seen.addresses, AddressPolicy::public_only);
    }
}

TEST_F(Push, WithARelativeLocationGoesBackToTheRegistry) {
  for (const std::string location : {"7?_state=a%2Fb%3D", "/v2/{}/blobs/uploads/7?_state=a%2Fb%3D",
                                     "https://registry.example.com:443/v2/{}/blobs/uploads/"
                                     "7?_state=a%2Fb%3D"}) {
    registry_.uploads_at = location;
    registry_.empty();
    http_.forget();
    push();
    EXPECT_EQ(http_.count(put(content_)), 1U) << location;
  }
}

TEST_F(Push, GoesNowhereElse) {
  const std::map<std::string, Reason> places = {
      {"http://registry.example.com/v2/team/web/blobs/uploads/7", Reason::policy_refused},
      {"http://storage.example.net/put", Reason::policy_refused},
      {"https://169.254.169.254/latest", Reason::policy_refused},
      {"https://2130706433/", Reason::policy_refused},
      {"https://user:word@storage.example.net/", Reason::policy_refused},
      {"javascript:alert(1)", Reason::policy_refused},
      {"file:///etc/passwd", Reason::policy_refused},
  };
  for (const auto& [location, reason] : places) {
    registry_.uploads_at = location;
    http_.forget();
    const auto error = error_of([&] { push(); });
    EXPECT_EQ(error->reason(), reason) << location << ": " << error->what();
    EXPECT_EQ(http_.count("PUT"), 0U) << location;
    EXPECT_EQ(http_.count("POST"), 1U) << location;
  }
}

TEST_F(Push, ToAnotherHostBySlashesGetsNoCredentials) {
  registry_.auth = Auth::basic;
  log_in();
  registry_.uploads_at = "//evil.example.net/put";
  http_.on("PUT https://evil.example.net/put", {{404}});
  EXPECT_EQ(reason_of([&] { push(); }), Reason::unavailable);
  EXPECT_FALSE(saw_credentials("evil.example.net"));
}

TEST_F(Push, WithoutALocationFails) {
  http_.on("POST " + kUploads, {{202}});
  EXPECT_EQ(reason_of([&] { push(); }), Reason::protocol_violation);
}

TEST_F(Push, IsNotRedirected) {
  first(put(config_), {{307, {{"Location", "https://evil.example.net/"}}}});
  EXPECT_TRUE(error_of([&] { push(); }));
  EXPECT_EQ(http_.count("PUT https://evil"), 0U);
}

TEST_F(Push, ThatLostItsAnswerLooksWhetherTheBlobArrived) {
  registry_.add_blob("team/web", config_);
  http_.otherwise([this, lost = false](const ScriptedHttp::Seen& seen) mutable {
    const Reply reply = registry_(seen);
    if (seen.line == put(content_) && !std::exchange(lost, true))
      return fails(Reason::timed_out);
    return reply;
  });
  const PushedArtifact pushed = push();
  EXPECT_EQ(http_.count("POST"), 1U);
  EXPECT_EQ(pushed.uploaded, std::vector{Digest::of(content_)});
}

TEST_F(Push, ThatWasCutBeginsAnewWithAnUploadOfItsOwn) {
  registry_.add_blob("team/web", config_);
  first(put(content_), {fails(Reason::unavailable), {503}});
  push();
  EXPECT_EQ(lines(), (Lines{"HEAD " + kTag, head(config_), head(content_), "POST " + kUploads,
                            put(content_), head(content_), "POST " + kUploads, put(content_),
                            head(content_), "POST " + kUploads, put(content_), "PUT " + kTag}));
  EXPECT_TRUE(http_.seen().at(5).not_before);
}

TEST_F(Push, GivesABlobUpAfterThreeTries) {
  http_.on(put(config_), {{503}});
  EXPECT_EQ(reason_of([&] { push(); }), Reason::unavailable);
  EXPECT_EQ(http_.count("POST"), 3U);
  EXPECT_EQ(http_.count("PUT"), 3U);
}

TEST_F(Push, OfAnUploadThatNeverEndsEnds) {
  http_.on(put(config_), {{202, {{"Location", "/v2/team/web/blobs/uploads/8"}}}});
  EXPECT_EQ(reason_of([&] { push(); }), Reason::protocol_violation);
  EXPECT_EQ(http_.count("PUT"), 1U);
}

TEST_F(Push, WhoseUploadIsForgottenBeginsAnother) {
  first(put(config_), {{404, {}, R"({"errors":[{"code":"BLOB_UPLOAD_UNKNOWN"}]})"}});
  push();
  EXPECT_EQ(http_.count("POST"), 3U);
}

TEST_F(Push, ThatLostTheLastAnswerLooksWhatTheTagSays) {
  http_.otherwise([this, lost = false](const ScriptedHttp::Seen& seen) mutable {
    const Reply reply = registry_(seen);
    if (seen.line == "PUT " + kTag && !std::exchange(lost, true))
      return Reply{500};
    return reply;
  });
  push();
  EXPECT_EQ(http_.count("PUT " + kTag), 1U);
  EXPECT_EQ(http_.lines().back(), "HEAD " + kTag);
}

TEST_F(Push, WhoseManifestDidNotArriveSendsItAgain) {
  first("PUT " + kTag, {{502}, fails(Reason::unavailable)});
  push();
  EXPECT_EQ(http_.count("PUT " + kTag), 3U);
  EXPECT_EQ(http_.count("POST"), 2U);
}

TEST_F(Push, IsNoSuccessWhenTheRegistryNamesAnotherDigest) {
  const std::string other = Digest::of("other").str();
  http_.on("PUT " + kTag, {{201, {{"Docker-Content-Digest", other}}}});
  EXPECT_EQ(reason_of([&] { push(); }), Reason::protocol_violation);
  EXPECT_EQ(http_.count("PUT " + kTag), 1U);
  http_.on(put(config_), {{201, {{"Docker-Content-Digest", other}}}});
  registry_.empty();
  EXPECT_EQ(reason_of([&] { push(); }), Reason::protocol_violation);
}

TEST_F(Push, ToATagThatMayNotBeChangedSaysSo) {
  registry_.add_manifest("team/web", "1.0", "another");
  for (const Reply& reply :
       {Reply{409}, Reply{412},
        Reply{400, {}, R"({"errors":[{"code":"TAG_INVALID","message":"The image tag exists"}]})"},
        Reply{403, {}, R"({"errors":[{"code":"DENIED","message":"tag is immutable"}]})"}}) {
    http_.on("PUT " + kTag, {reply});
    const auto error = error_of([&] { push(); });
    EXPECT_EQ(error->reason(), Reason::policy_refused) << reply.status;
    EXPECT_NE(std::string(error->what()).find(Digest::of("another").str()), std::string::npos);
  }
}

TEST_F(Push, ThatSomebodyElseJustMadeIsDone) {
  first("PUT " + kTag, {{409}});
  http_.on("HEAD " + kTag,
           {{404}, {200, {{"Docker-Content-Digest", Digest::of(manifest_).str()}}}});
  EXPECT_EQ(push().digest, Digest::of(manifest_));
}

TEST_F(Push, ThatIsForbiddenIsNotMistakenForAFixedTag) {
  registry_.add_manifest("team/web", "1.0", "another");
  http_.on("PUT " + kTag, {{403, {}, R"({"errors":[{"code":"DENIED","message":"no"}]})"}});
  EXPECT_EQ(reason_of([&] { push(); }), Reason::unauthorized);
}

TEST_F(Push, SendsEverythingAgainWhereABlobTurnsOutToBeMissing) {
  registry_.add_blob("team/web", config_);
  first("PUT " + kTag, {{404, {}, R"({"errors":[{"code":"MANIFEST_BLOB_UNKNOWN"}]})"}});
  push();
  EXPECT_EQ(http_.count(put(config_)), 1U);
  EXPECT_EQ(http_.count(put(content_)), 2U);
  http_.on("PUT " + kTag, {{404, {}, R"({"errors":[{"code":"MANIFEST_BLOB_UNKNOWN"}]})"}});
  http_.forget();
  registry_.empty();
  EXPECT_EQ(reason_of([&] { push(); }), Reason::protocol_violation);
  EXPECT_EQ(http_.count("PUT " + kTag), 2U);
}

TEST_F(Push, TooLargeForAProxyNamesTheSetting) {
  http_.on(put(config_), {{413, {{"Content-Type", "text/html"}}, "<html>too large</html>"}});
  const auto error = error_of([&] { push(); });
  EXPECT_EQ(error->reason(), Reason::limit_exceeded);
  EXPECT_NE(error->hint().find("proxy-body-size"), std::string::npos);
  EXPECT_EQ(http_.count("PUT"), 1U);
}

TEST_F(Push, NeedsNoLeaveToRead) {
  http_.on("HEAD " + kTag, {{403}});
  http_.on("GET " + kTag, {{403}});
  http_.on(head(config_), {{403}});
  push();
  EXPECT_EQ(registry_.manifest_at("team/web", "1.0"), manifest_);
}

TEST_F(Push, WithAWrongPasswordSendsNothing) {
  registry_.auth = Auth::basic;
  log_in("registry.example.com", "wrong");
  EXPECT_EQ(reason_of([&] { push(); }), Reason::unauthorized);
  EXPECT_EQ(http_.count("POST"), 0U);
  EXPECT_EQ(reads_, 0);
}

TEST_F(Push, IsForTheRegistryItselfAndNotForAMirror) {
  entry().mirrors.push_back({.host = "mirror.example.net", .path_prefix = "", .resolve = true});
  push();
  EXPECT_EQ(http_.count("HEAD https://mirror"), 0U);
}

TEST_F(Push, WaitsAsLongAsTheRegistryAsks) {
  first(put(config_), {{429, {{"Retry-After", "1"}}}});
  push();
  const auto again = http_.seen().at(4);
  EXPECT_GE(*again.not_before, clock_.steady() + std::chrono::seconds(1));
  http_.on("PUT " + kTag, {{429, {{"Retry-After", "600"}}}});
  registry_.empty();
  const auto error = error_of([&] { push(); });
  EXPECT_EQ(error->reason(), Reason::rate_limited);
  EXPECT_EQ(*error->not_before(), clock_.steady() + std::chrono::seconds(600));
}

class LoginCheck : public Rig {};

TEST_F(LoginCheck, AsksTheFrontDoorWithTheCredentialsGiven) {
  registry_.auth = Auth::basic;
  credentials_.use("registry.example.com",
                   {Credential::Kind::basic, "robot", Secret("hunter2-hunter2"), "given"});
  EXPECT_TRUE(client().authenticate("registry.example.com", counts_, {}));
  EXPECT_EQ(lines(), (Lines{"GET https://registry.example.com/v2/",
                            "GET https://registry.example.com/v2/"}));
}

TEST_F(LoginCheck, AsksATokenServiceForATokenThatOpensNothing) {
  registry_.auth = Auth::bearer;
  for (const auto kind : {Credential::Kind::basic, Credential::Kind::identity_token}) {
    const bool token = kind == Credential::Kind::identity_token;
    http_.forget();
    credentials_.use("registry.example.com",
                     {kind, token ? "" : "robot",
                      Secret(token ? registry_.identity_token : registry_.password), "given"});
    EXPECT_TRUE(client().authenticate("registry.example.com", counts_, {}));
    const auto seen = http_.seen();
    const auto asked = std::find_if(seen.begin(), seen.end(),
                                    [](const auto& each) { return each.url.path() == "/token"; });
    ASSERT_NE(asked, seen.end());
    EXPECT_EQ(asked->method, token ? Method::post : Method::get);
    EXPECT_TRUE(parameters(asked->url.query(), "scope").empty());
  }
}

TEST_F(LoginCheck, RefusesAWrongPasswordAndWhatIsNoRegistry) {
  registry_.auth = Auth::basic;
  credentials_.use("registry.example.com",
                   {Credential::Kind::basic, "robot", Secret("wrong"), "given"});
  const auto error = error_of([&] { client().authenticate("registry.example.com", counts_, {}); });
  EXPECT_EQ(error->reason(), Reason::unauthorized);
  EXPECT_EQ(std::string(error->what()).find("wrong"), std::string::npos);
  http_.on("GET https://other.example.com/v2/", {{404}});
  EXPECT_EQ(reason_of([&] { client().authenticate("other.example.com", counts_, {}); }),
            Reason::not_found);
  http_.on("GET https://page.example.com/v2/", {{200, {}, "<html>"}});
  EXPECT_EQ(reason_of([&] { client().authenticate("page.example.com", counts_, {}); }),
            Reason::protocol_violation);
}

TEST_F(LoginCheck, TellsWhenNobodyAsked) {
  EXPECT_FALSE(client().authenticate("registry.example.com", counts_, {}));
  http_.on("GET https://registry-1.docker.io/v2/", {{200}});
  EXPECT_FALSE(client().authenticate("docker.io", counts_, {}));
}

}  // namespace
}  // namespace ocisync
