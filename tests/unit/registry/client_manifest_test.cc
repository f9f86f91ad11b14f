// Resolving tags and fetching manifests.

#include "registry/endpoint.h"
#include "rig.h"

namespace ocisync {
namespace {

class Manifests : public Rig {
 protected:
  static constexpr std::string_view kHead =
      "HEAD https://registry.example.com/v2/team/web/manifests/1.0";

  void replies(std::vector<Reply> all) { http_.on(std::string(kManifestLine), std::move(all)); }

  void heads(std::vector<Reply> all) { http_.on(std::string(kHead), std::move(all)); }

  std::optional<Digest> resolve() { return client().resolve(ref(), counts_, {}); }

  static Reply served(std::string body, std::vector<std::pair<std::string, std::string>> headers) {
    return {200, std::move(headers), std::move(body)};
  }
};

TEST_F(Manifests, AreAskedForInEveryTypeWeRead) {
  registry_.add_manifest("team/web", "1.0", "{}");
  manifest();
  const std::string accept = http_.seen().at(0).header("Accept");
  for (const std::string_view type : {media_type::kManifest, media_type::kIndex,
                                      media_type::kDockerManifest, media_type::kDockerList})
    EXPECT_NE(accept.find(type), std::string::npos);
}

TEST_F(Manifests, ByTagAreHashed) {
  replies({served("bytes", {{"Content-Type", "Application/X; charset=utf-8"}})});
  const FetchedManifest fetched = manifest();
  EXPECT_EQ(fetched.bytes, "bytes");
  EXPECT_EQ(fetched.digest, Digest::of("bytes"));
  EXPECT_EQ(fetched.media_type, "application/x");
  EXPECT_EQ(counts_.bytes, 5U);
}

TEST_F(Manifests, ByTagAreRefusedWhenTheRegistrysOwnDigestDiffers) {
  replies({served("bytes", {{"Docker-Content-Digest", Digest::of("others").str()}})});
  EXPECT_EQ(reason_of([&] { manifest(); }), Reason::digest_mismatch);
}

TEST_F(Manifests, ByTagIgnoreADigestHeaderThatIsNone) {
  for (const std::string header : {"", "sha256:short", "../../etc/passwd", "md5:0", "sha256:ZZ"}) {
    replies({served("bytes", {{"Docker-Content-Digest", header}})});
    EXPECT_EQ(manifest().digest, Digest::of("bytes")) << header;
    heads({{200, {{"Docker-Content-Digest", header}}}});
    EXPECT_FALSE(resolve()) << header;
  }
}

TEST_F(Manifests, ByDigestMustHaveIt) {
  const Digest digest = registry_.add_manifest("team/web", "1.0", "bytes");
  EXPECT_EQ(manifest(ref().with_digest(digest)).bytes, "bytes");
  http_.on("GET https://registry.example.com/v2/team/web/manifests/" + digest.str(),
           {served("flipped", {{"Docker-Content-Digest", digest.str()}})});
  EXPECT_EQ(reason_of([&] { manifest(ref().with_digest(digest)); }), Reason::digest_mismatch);
}

TEST_F(Manifests, ByDigestAreFetchedByItEvenWithATag) {
  const Digest digest = registry_.add_manifest("team/web", "1.0", "bytes");
  manifest(ref("registry.example.com/team/web:1.0@" + digest.str()));
  EXPECT_EQ(lines().at(0),
            "GET https://registry.example.com/v2/team/web/manifests/" + digest.str());
}

TEST_F(Manifests, AreCappedWithoutBeingKept) {
  settings_.manifest_size = 1000;
  replies({served(std::string(1000, ' '), {})});
  EXPECT_EQ(manifest().bytes.size(), 1000U);
  replies({served(std::string(1001, ' '), {})});
  EXPECT_EQ(reason_of([&] { manifest(); }), Reason::limit_exceeded);
}

TEST_F(Manifests, ThatAreAWebPageSaySo) {
  replies({served("<html>Sign in to the hotel</html>", {{"Content-Type", "text/html"}})});
  const auto error = failure_of([&] { manifest(); });
  ASSERT_TRUE(error);
  EXPECT_EQ(error->reason(), Reason::protocol_violation);
  EXPECT_NE(error->message().find("web page"), std::string::npos);
  replies({served("<!DOCTYPE html><p>hi", {})});
  EXPECT_EQ(reason_of([&] { manifest(); }), Reason::protocol_violation);
}

TEST_F(Manifests, ThatAreMissingAreNotFound) {
  const auto error = failure_of([&] { manifest(); });
  ASSERT_TRUE(error);
  EXPECT_EQ(error->reason(), Reason::not_found);
  EXPECT_NE(error->message().find("MANIFEST_UNKNOWN"), std::string::npos);
  EXPECT_NE(error->message().find("team/web:1.0"), std::string::npos);
  EXPECT_EQ(reason_of([&] { resolve(); }), Reason::not_found);
}

TEST_F(Manifests, WithAnOddStatusBreakTheProtocol) {
  for (const int status : {201, 204, 206, 304, 418}) {
    replies({{status}});
    EXPECT_EQ(reason_of([&] { manifest(); }), Reason::protocol_violation) << status;
  }
}

TEST_F(Manifests, AreResolvedByOneHead) {
  const Digest digest = registry_.add_manifest("team/web", "1.0", "bytes");
  EXPECT_EQ(resolve(), digest);
  EXPECT_EQ(lines(), std::vector<std::string>{std::string(kHead)});
}

TEST_F(Manifests, AreNotResolvedWhereHeadTellsNothing) {
  heads({{200}});
  EXPECT_FALSE(resolve());
  heads({{405}});
  EXPECT_FALSE(resolve());
  EXPECT_EQ(lines().size(), 2U);
}

TEST_F(Manifests, ThatAHeadIsRefusedAreAskedForAgainToLearnWhy) {
  heads({{403}});
  replies({{403, {}, R"({"errors":[{"code":"DENIED","message":"pay first"}]})"}});
  const auto error = failure_of([&] { resolve(); });
  ASSERT_TRUE(error);
  EXPECT_EQ(error->reason(), Reason::unauthorized);
  EXPECT_NE(std::string(error->what()).find("DENIED: pay first"), std::string::npos);
  replies({served("bytes", {})});
  EXPECT_EQ(resolve(), Digest::of("bytes")) << "a signed address may be good for a GET only";
}

TEST_F(Manifests, WithoutATagAreTheLatest) {
  const Digest digest = registry_.add_manifest("team/web", "latest", "bytes");
  EXPECT_EQ(client().resolve(ref("registry.example.com/team/web"), counts_, {}), digest);
}

TEST_F(Manifests, OfDockerHubComeFromItsOtherName) {
  registry_.origin = "https://registry-1.docker.io";
  registry_.realm = "https://auth.docker.io/token";
  registry_.auth = FakeRegistry::Auth::bearer;
  registry_.add_manifest("team/web", "1.0", "{}");
  log_in("docker.io");
  manifest(ref("docker.io/team/web:1.0"));
  EXPECT_EQ(lines().at(0), "GET https://registry-1.docker.io/v2/team/web/manifests/1.0");
  EXPECT_FALSE(http_.seen().at(1).header("Authorization").empty()) << "a known pair";
}

TEST_F(Manifests, ComeOverPlainHttpOnlyFromThisMachineOrWhenAsked) {
  const std::pair<std::string, std::string> rows[] = {
      {"localhost:5000", "http://localhost:5000"},
      {"127.0.0.1:5000", "http://127.0.0.1:5000"},
      {"127.9.9.9", "http://127.9.9.9"},
      {"[::1]:5000", "http://[::1]:5000"},
      {"registry.localhost:5000", "https://registry.localhost:5000"},
      {"10.0.0.1:5000", "https://10.0.0.1:5000"},
      {"registry.example.com", "https://registry.example.com"},
  };
  for (const auto& [host, origin] : rows)
    EXPECT_EQ(Endpoint(spec_, ref(host + "/a:1")).base.str(), origin + "/");
  RegistrySpec& local = entry("localhost:5000");
  local.plain_http = false;
  EXPECT_EQ(Endpoint(spec_, ref("localhost:5000/a:1")).base.str(), "https://localhost:5000/");
}

TEST_F(Manifests, ShareOneFateByTheirConfiguredHost) {
  EXPECT_EQ(client().registry_key(ref("docker.io/a/b:1")), "docker.io");
  EXPECT_EQ(client().registry_key(ref("Registry.Example.com:5000/a:1")),
            "registry.example.com:5000");
}

}  // namespace
}  // namespace ocisync
