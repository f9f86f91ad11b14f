// Where a redirect may lead, and what goes along.

#include "registry/endpoint.h"
#include "rig.h"

namespace ocisync {
namespace {

class Redirects : public Rig {
 protected:
  Redirects() : blob_(registry_.add_blob("team/web", "the blob")) {}

  static Reply to(std::string location, int status = 307) {
    return {status, {{"Location", std::move(location)}}};
  }

  void fetch(const Reference& reference = ref()) {
    client().blob(reference, blob_, kept_.target(), counts_, {});
  }

  std::string line(std::string_view origin = "https://registry.example.com") const {
    return fmt::format("GET {}/v2/team/web/blobs/{}", origin, blob_.digest.str());
  }

  void redirect(const std::string& location) { http_.on(line(), {to(location)}); }

  Descriptor blob_;
  KeptBlob kept_;
};

TEST_F(Redirects, ToStorageCarryNothingOfOurs) {
  registry_.auth = FakeRegistry::Auth::basic;
  log_in();
  write("ca.pem", "-----BEGIN CERTIFICATE-----\nca\n");
  write("cert.pem", "-----BEGIN CERTIFICATE-----\nme\n");
  write("key.pem", "-----BEGIN PRIVATE KEY-----\nme\n");
  entry().tls.ca_file = home_.path() / "ca.pem";
  entry().tls.cert_file = home_.path() / "cert.pem";
  entry().tls.key_file = home_.path() / "key.pem";
  entry().tls.insecure_skip_verify = true;
  http_.on(line(), {{401, {{"WWW-Authenticate", "Basic"}}}, to("https://s3.example.net/b?sig=1")});
  http_.on("GET https://s3.example.net/b", {{200, {}, "the blob"}});
  fetch();
  EXPECT_EQ(kept_.kept.text, "the blob");
  const auto home = http_.seen().at(1), away = http_.seen().at(2);
  EXPECT_FALSE(home.header("Authorization").empty());
  EXPECT_FALSE(home.route->client_cert_pem.empty());
  EXPECT_TRUE(home.route->insecure_skip_verify);
  EXPECT_EQ(home.addresses, AddressPolicy::any);
  EXPECT_EQ(away.header("Authorization"), "");
  EXPECT_TRUE(away.route->client_cert_pem.empty());
  EXPECT_TRUE(away.route->client_key_pem.empty());
  EXPECT_FALSE(away.route->insecure_skip_verify);
  EXPECT_NE(away.route->ca_pem.find("ca\n"), std::string::npos)
      << "a private store has the same CA";
  EXPECT_EQ(away.addresses, AddressPolicy::public_only);
}

TEST_F(Redirects, ThatComeBackHomeStayAnonymous) {
  registry_.auth = FakeRegistry::Auth::basic;
  log_in();
  http_.on(line(), {{401, {{"WWW-Authenticate", "Basic"}}}, to("https://evil.example.net/x")});
  http_.on("GET https://evil.example.net/x", {to("https://registry.example.com/v2/secret")});
  http_.on("GET https://registry.example.com/v2/secret", {{200, {}, "the blob"}});
  fetch();
  EXPECT_EQ(http_.seen().back().line, "GET https://registry.example.com/v2/secret");
  EXPECT_EQ(http_.seen().back().header("Authorization"), "");
}

TEST_F(Redirects, WithinTheRegistryKeepTheHeader) {
  registry_.auth = FakeRegistry::Auth::basic;
  log_in();
  http_.on(line(), {{401, {{"WWW-Authenticate", "Basic"}}}, to("/v2/moved")});
  http_.on("GET https://registry.example.com/v2/moved", {{200, {}, "the blob"}});
  fetch();
  EXPECT_FALSE(http_.seen().back().header("Authorization").empty());
}

TEST_F(Redirects, OnAnotherPortOfTheSameHostAreAnotherServer) {
  registry_.auth = FakeRegistry::Auth::basic;
  log_in();
  write("cert.pem", "-----BEGIN CERTIFICATE-----\nme\n");
  write("key.pem", "-----BEGIN PRIVATE KEY-----\nme\n");
  entry().tls.cert_file = home_.path() / "cert.pem";
  entry().tls.key_file = home_.path() / "key.pem";
  entry().tls.insecure_skip_verify = true;
  http_.on(line(),
           {{401, {{"WWW-Authenticate", "Basic"}}}, to("https://registry.example.com:8443/b")});
  http_.on("GET https://registry.example.com:8443/b", {{200, {}, "the blob"}});
  fetch();
  EXPECT_EQ(http_.seen().back().header("Authorization"), "");
  EXPECT_TRUE(http_.seen().back().route->client_cert_pem.empty());
  EXPECT_FALSE(http_.seen().back().route->insecure_skip_verify);
}

TEST_F(Redirects, ToPlacesNoRegistryMaySendUsToAreRefused) {
  for (const std::string location : {"file:///etc/passwd",
                                     "gopher://x/",
                                     "ftp://x/y",
                                     "dict://x:11/",
                                     "scp://x/y",
                                     "javascript:alert(1)",
                                     "http://plain.example.net/b",
                                     "https://user:pass@s3.example.net/b",
                                     "https://169.254.169.254/latest/meta-data/",
                                     "https://127.0.0.1/b",
                                     "https://0.0.0.0/b",
                                     "https://10.0.0.1/b",
                                     "https://192.168.1.1/b",
                                     "https://2130706433/b",
                                     "https://0x7f.1/b",
                                     "https://[::1]/b",
                                     "https://[::ffff:127.0.0.1]/b",
                                     "https://[fd00:ec2::254]/b",
                                     "https://[64:ff9b::7f00:1]/b",
                                     "https://localhost/b",
                                     "https://s3.localhost/b",
                                     "https://s3.example.net/\r\nX: y",
                                     "",
                                     "https:///b",
                                     "//"}) {
    redirect(location);
    http_.forget();
    const auto error = failure_of([&] { fetch(); });
    ASSERT_TRUE(error) << location;
    EXPECT_EQ(error->reason(), Reason::policy_refused) << location << ": " << error->what();
    EXPECT_EQ(lines().size(), 1U) << location << " is not tried again either";
    EXPECT_EQ(std::string(error->what()).find("pass@"), std::string::npos);
  }
}

TEST_F(Redirects, WithoutALocationBreakTheProtocol) {
  http_.on(line(), {{307}});
  EXPECT_EQ(reason_of([&] { fetch(); }), Reason::protocol_violation);
}

TEST_F(Redirects, AreFollowedFiveTimesAndNoMore) {
  for (int i = 0; i < 8; ++i)
    http_.on(fmt::format("GET https://s3.example.net/{}", i),
             {i == 5 ? Reply{200, {}, "the blob"} : to(fmt::format("/{}", i + 1))});
  redirect("https://s3.example.net/1");
  fetch();
  EXPECT_EQ(lines().size(), 6U);
  kept_ = {};
  redirect("https://s3.example.net/0");
  EXPECT_EQ(reason_of([&] { fetch(); }), Reason::policy_refused);
}

TEST_F(Redirects, InACircleAreRefused) {
  redirect(line().substr(4));
  EXPECT_EQ(reason_of([&] { fetch(); }), Reason::policy_refused);
  EXPECT_EQ(lines().size(), 6U);
}

TEST_F(Redirects, MayLeadInsideWhereTheSpecOrTheRegistryItselfSaysSo) {
  struct Row {
    std::string host;
    PrivateRedirects choice;
    bool plain;
    AddressPolicy expected;
  };

  const Row rows[] = {
      {"registry.example.com", PrivateRedirects::automatic, false, AddressPolicy::public_only},
      {"registry.example.com", PrivateRedirects::allow, false, AddressPolicy::any},
      {"registry.example.com", PrivateRedirects::automatic, true, AddressPolicy::any},
      {"10.1.2.3:5000", PrivateRedirects::automatic, false, AddressPolicy::any},
      {"10.1.2.3:5000", PrivateRedirects::refuse, false, AddressPolicy::public_only},
      {"[fd00::1]:5000", PrivateRedirects::automatic, false, AddressPolicy::any},
      {"harbor", PrivateRedirects::automatic, false, AddressPolicy::any},
      {"harbor.tools.svc.cluster.local", PrivateRedirects::automatic, false, AddressPolicy::any},
      {"localhost:5000", PrivateRedirects::automatic, true, AddressPolicy::any},
  };
  for (const Row& row : rows) {
    Spec spec;
    RegistrySpec& registry = spec.registries.emplace_back();
    registry.host = row.host;
    registry.plain_http = row.plain;
    registry.allow_private_redirects = row.choice;
    const Endpoint endpoint(spec, ref(row.host + "/team/web:1.0"));
    EXPECT_EQ(endpoint.elsewhere, row.expected) << row.host;
  }
}

TEST_F(Redirects, FromPlainHttpMayStayPlain) {
  entry().plain_http = true;
  http_.on(line("http://registry.example.com"), {to("http://10.0.0.9:9000/b")});
  http_.on("GET http://10.0.0.9:9000/b", {{200, {}, "the blob"}});
  fetch();
  EXPECT_EQ(kept_.kept.text, "the blob");
}

TEST_F(Redirects, WhoseSignatureLapsedAreFetchedFreshOnce) {
  for (const int status : {400, 403, 410}) {
    http_.forget();
    kept_ = {};
    redirect("https://s3.example.net/b?sig=1");
    http_.on("GET https://s3.example.net/b", {{status, {}, "lapsed"}, {200, {}, "the blob"}});
    fetch();
    EXPECT_EQ(lines().size(), 4U);
  }
  http_.forget();
  http_.on("GET https://s3.example.net/b", {{403, {}, "lapsed"}});
  kept_ = {};
  const auto error = failure_of([&] { fetch(); });
  ASSERT_TRUE(error);
  EXPECT_EQ(error->reason(), Reason::unauthorized);
  EXPECT_EQ(lines().size(), 4U);
  EXPECT_EQ(std::string(error->what()).find("sig=1"), std::string::npos);
}

TEST_F(Redirects, ToAServerThatWantsCredentialsFail) {
  registry_.auth = FakeRegistry::Auth::basic;
  log_in();
  http_.on(line(), {{401, {{"WWW-Authenticate", "Basic"}}}, to("https://evil.example.net/x")});
  http_.on("GET https://evil.example.net/x",
           {{401, {{"WWW-Authenticate", R"(Bearer realm="https://evil.example.net/token")"}}}});
  EXPECT_EQ(reason_of([&] { fetch(); }), Reason::unauthorized);
  EXPECT_EQ(lines().size(), 3U) << "its realm is never asked";
  EXPECT_FALSE(saw_credentials("evil.example.net"));
}

TEST_F(Redirects, AreBookedUnderTheConfiguredHost) {
  redirect("https://s3.example.net/b");
  http_.on("GET https://s3.example.net/b", {{200, {}, "the blob"}});
  fetch();
  ASSERT_EQ(exchanges_.size(), 2U);
  for (const Exchange& exchange : exchanges_)
    EXPECT_EQ(exchange.host, "registry.example.com");
  EXPECT_EQ(exchanges_[1].received, 8U);
  EXPECT_EQ(counts_.requests, 2U);
  EXPECT_EQ(counts_.bytes, 8U);
}

}  // namespace
}  // namespace ocisync
