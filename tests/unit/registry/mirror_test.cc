// Content from mirrors: asked first, never trusted further than a digest reaches.

#include "rig.h"

namespace ocisync {
namespace {

class Mirrors : public Rig {
 protected:
  Mirrors() {
    entry().mirrors.push_back({"mirror.example.net:5000", "hub", false});
    digest_ = registry_.add_manifest("team/web", "1.0", "bytes");
    blob_ = registry_.add_blob("team/web", "the blob");
  }

  static constexpr std::string_view kMirror = "https://mirror.example.net:5000/v2/hub/team/web/";
  static constexpr std::string_view kNamespace = "?ns=registry.example.com";

  std::string at_mirror(std::string_view kind, const std::string& name,
                        std::string_view method = "GET") const {
    return fmt::format("{} {}{}/{}", method, kMirror, kind, name);
  }

  Digest digest_ = Digest::of("");
  Descriptor blob_ = registry_.add_blob("team/web", "the blob");
  KeptBlob kept_;
};

TEST_F(Mirrors, AreAskedFirstForWhatADigestNames) {
  http_.on(at_mirror("manifests", digest_.str()), {{200, {}, "bytes"}});
  http_.on(at_mirror("blobs", blob_.digest.str()), {{200, {}, "the blob"}});
  EXPECT_EQ(manifest(ref().with_digest(digest_)).bytes, "bytes");
  client().blob(ref(), blob_, kept_.target(), counts_, {});
  EXPECT_EQ(kept_.kept.text, "the blob");
  EXPECT_EQ(lines(), (std::vector<std::string>{
                         at_mirror("manifests", digest_.str()) + std::string(kNamespace),
                         at_mirror("blobs", blob_.digest.str()) + std::string(kNamespace)}));
}

TEST_F(Mirrors, AreAskedForTagsOnlyWhenTheyMayResolve) {
  EXPECT_EQ(client().resolve(ref(), counts_, {}), digest_);
  manifest();
  EXPECT_EQ(lines().size(), 2U);
  for (const auto& seen : http_.seen())
    EXPECT_EQ(seen.url.origin().host, "registry.example.com");

  http_.forget();
  entry().mirrors[0].resolve = true;
  http_.on(at_mirror("manifests", "1.0", "HEAD"),
           {{200, {{"Docker-Content-Digest", Digest::of("mirrored").str()}}}});
  EXPECT_EQ(client().resolve(ref(), counts_, {}), Digest::of("mirrored"));
  EXPECT_EQ(lines().size(), 1U);
}

TEST_F(Mirrors, ThatFailInAnyWayAreNoReasonToFail) {
  const std::vector<std::vector<Reply>> failures = {
      {{404}},
      {{403}},
      {{401, {{"WWW-Authenticate", R"(Bearer realm="http://10.0.0.1/")"}}}},
      {{500}},
      {fails(Reason::unavailable)},
      {fails(Reason::tls_failed)},
      {{307, {{"Location", "https://10.0.0.1/"}}}},
      {{200, {}, "altered!"}},
      {{200, {}, "shorter"}},
      {{200, {}, "much longer than it should be"}},
      {{200, {{"Content-Type", "text/html"}}, "<html>"}},
      {{429, {{"Retry-After", "3600"}}}},
  };
  for (const auto& replies : failures) {
    http_.on(at_mirror("manifests", digest_.str()), replies);
    http_.on(at_mirror("blobs", blob_.digest.str()), replies);
    EXPECT_EQ(manifest(ref().with_digest(digest_)).bytes, "bytes");
    clock_.advance(std::chrono::minutes(1));  // by then a silent one is asked again
    kept_ = {};
    client().blob(ref(), blob_, kept_.target(), counts_, {});
    EXPECT_EQ(kept_.kept.text, "the blob");
    clock_.advance(std::chrono::minutes(1));
  }
}

TEST_F(Mirrors, AreTriedOnce) {
  for (const Reply& reply : {Reply{503}, Reply{429}, fails(Reason::timed_out)}) {
    http_.forget();
    http_.on(at_mirror("manifests", digest_.str()), {reply});
    manifest(ref().with_digest(digest_));
    EXPECT_EQ(lines().size(), 2U) << reply.status;
  }
}

TEST_F(Mirrors, ThatGiveNoAnswerAreLeftAloneForAMinuteByAll) {
  const std::string line = at_mirror("manifests", digest_.str());
  for (const Reason reason : {Reason::timed_out, Reason::unavailable}) {
    http_.on(line, {fails(reason)});
    manifest(ref().with_digest(digest_));
    http_.forget();
    clock_.advance(std::chrono::seconds(59));
    client().blob(ref(), blob_, kept_.target(), counts_, {});
    EXPECT_EQ(lines().size(), 1U) << "the registry alone";
    clock_.advance(std::chrono::seconds(1));
    http_.on(line, {{200, {}, "bytes"}});
    http_.forget();
    manifest(ref().with_digest(digest_));
    EXPECT_EQ(lines(), std::vector<std::string>{line + std::string(kNamespace)});
    http_.forget();
    kept_ = {};
  }
}

TEST_F(Mirrors, ThatAreCutOffHalfWayGoOnAndAreNotCalledSilent) {
  const std::string bytes(3 << 20, 'x');
  const Descriptor large = registry_.add_blob("team/web", bytes);
  const std::string line = at_mirror("blobs", large.digest.str());
  constexpr std::size_t kSoFar = 2 << 20;
  Reply cut{200, {}, bytes.substr(0, kSoFar)};
  cut.failure = Error(Reason::unavailable, "cut");
  http_.on(
      line,
      {cut,
       {206,
        {{"Content-Range", fmt::format("bytes {}-{}/{}", kSoFar, bytes.size() - 1, bytes.size())}},
        bytes.substr(kSoFar)}});
  client().blob(ref(), large, kept_.target(), counts_, {});
  EXPECT_EQ(kept_.kept.text, bytes);
  EXPECT_EQ(lines(), std::vector<std::string>(2, line + std::string(kNamespace)));

  // Cut off too early to be worth going on, it is not silent all the same.
  http_.forget();
  kept_ = {};
  cut.body = bytes.substr(0, 100);
  http_.on(line, {cut});
  client().blob(ref(), large, kept_.target(), counts_, {});
  EXPECT_EQ(lines().size(), 2U);
  http_.forget();
  http_.on(at_mirror("manifests", digest_.str()), {{200, {}, "bytes"}});
  manifest(ref().with_digest(digest_));
  EXPECT_EQ(lines().size(), 1U);
}

TEST_F(Mirrors, LeaveTheLastWordToTheRegistry) {
  http_.on("GET https://registry.example.com/v2/team/web/blobs/" + blob_.digest.str(), {{503}});
  const auto error = failure_of([&] { client().blob(ref(), blob_, kept_.target(), counts_, {}); });
  ASSERT_TRUE(error);
  EXPECT_EQ(error->reason(), Reason::unavailable);
  EXPECT_NE(std::string(error->what()).find("registry.example.com"), std::string::npos);
}

TEST_F(Mirrors, NeverSeeTheRegistrysCredentials) {
  log_in();
  http_.on(at_mirror("manifests", digest_.str()),
           {{401, {{"WWW-Authenticate", R"(Basic realm="give me")"}}}});
  manifest(ref().with_digest(digest_));
  EXPECT_FALSE(saw_credentials("mirror.example.net"));
}

TEST_F(Mirrors, HaveTheirOwnEntryInTheSpec) {
  spec_.registries.reserve(2);
  entry("mirror.example.net:5000").plain_http = true;
  log_in("mirror.example.net:5000");
  const std::string line =
      "GET http://mirror.example.net:5000/v2/hub/team/web/manifests/" + digest_.str();
  http_.on(line, {{401, {{"WWW-Authenticate", "Basic"}}}, {200, {}, "bytes"}});
  manifest(ref().with_digest(digest_));
  EXPECT_FALSE(http_.seen().at(1).header("Authorization").empty());
  EXPECT_EQ(exchanges_.at(0).host, "mirror.example.net:5000");
}

}  // namespace
}  // namespace ocisync
