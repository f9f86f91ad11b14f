#include "registry/route_book.h"

#include <fstream>
#include <map>

#include <gtest/gtest.h>

#include "support/failure.h"
#include "support/manual_clock.h"
#include "support/temp_directory.h"

namespace ocisync {
namespace {

using Whose = RouteBook::Whose;

constexpr std::string_view kCert = "-----BEGIN CERTIFICATE-----\none\n-----END CERTIFICATE-----\n";
constexpr std::string_view kKey = "-----BEGIN PRIVATE KEY-----\none\n-----END PRIVATE KEY-----\n";

class Routes : public ::testing::Test {
 protected:
  std::filesystem::path write(const std::string& name, std::string_view text) {
    std::ofstream(home_.path() / name, std::ios::binary | std::ios::trunc) << text;
    return home_.path() / name;
  }

  std::shared_ptr<const Route> route(Whose whose = Whose::registry,
                                     std::string_view url = "https://registry.example.com/") {
    return book_.route(&registry_, *Url::parse(url), whose);
  }

  Environment environment() {
    return [this](std::string_view name) -> std::optional<std::string> {
      const auto found = variables_.find(std::string(name));
      return found == variables_.end() ? std::nullopt : std::optional(found->second);
    };
  }

  TempDirectory home_;
  std::map<std::string, std::string> variables_;
  ManualClock clock_;
  CredentialStore credentials_{environment(), {}, clock_};
  RouteBook book_{environment(), credentials_, clock_};
  RegistrySpec registry_;
};

TEST_F(Routes, AreTheSameObjectAsLongAsNothingChanges) {
  registry_.tls.ca_file = write("ca.pem", kCert);
  const auto first = route();
  EXPECT_EQ(route(), first);
  write("ca.pem", kCert);
  EXPECT_EQ(route(), first) << "written again, but the same";
  write("ca.pem", "-----BEGIN CERTIFICATE-----\ntwo\n-----END CERTIFICATE-----\n");
  const auto second = route();
  EXPECT_NE(second, first);
  EXPECT_NE(second->ca_pem.find("two"), std::string::npos);
  EXPECT_NE(first->ca_pem.find("one"), std::string::npos) << "requests under way keep theirs";
}

TEST_F(Routes, TrustTheSystemAndTheFileOrTheFileAlone) {
  variables_["SSL_CERT_FILE"] = write("system.pem", "the system's").string();
  EXPECT_EQ(route()->ca_pem, "") << "the system's own, without help";
  registry_.tls.ca_file = write("ca.pem", kCert);
  EXPECT_EQ(route()->ca_pem, "the system's\n" + std::string(kCert));
  const auto before = route();
  write("system.pem", std::string(2 << 20, '#'));  // larger than what people write themselves
  EXPECT_NE(route(), before) << "it was replaced";
  EXPECT_EQ(route()->ca_pem.size(), (2U << 20) + 1 + kCert.size());
  RegistrySpec alone = registry_;
  alone.tls.ca_mode = TlsSpec::CaMode::replace;
  EXPECT_EQ(book_.route(&alone, *Url::parse("https://r/"), Whose::registry)->ca_pem, kCert);
}

TEST_F(Routes, CarryTheCertificateToTheRegistryOnly) {
  registry_.tls.cert_file = write("cert.pem", kCert);
  registry_.tls.key_file = write("key.pem", kKey);
  EXPECT_EQ(route()->client_cert_pem, kCert);
  EXPECT_EQ(route()->client_key_pem.reveal(), kKey);
  EXPECT_EQ(route(Whose::other)->client_cert_pem, "");
  EXPECT_TRUE(route(Whose::other)->client_key_pem.empty());
}

TEST_F(Routes, WithAMissingOrSenselessFileAreAnError) {
  registry_.tls.ca_file = home_.path() / "none";
  EXPECT_EQ(reason_of([&] { route(); }), Reason::tls_failed);
  registry_.tls.ca_file = write("ca.pem", "not a certificate");
  EXPECT_EQ(reason_of([&] { route(); }), Reason::tls_failed);
  registry_.tls.ca_file = write("ca.pem", kCert);
  registry_.tls.key_file = write("key.pem", kCert);
  const auto error = failure_of([&] { route(); });
  ASSERT_TRUE(error);
  EXPECT_EQ(error->reason(), Reason::tls_failed);
  EXPECT_NE(error->message().find("keyFile"), std::string::npos);
}

TEST_F(Routes, GoThroughTheProxyOfTheEntryOrOfTheEnvironment) {
  variables_["HTTPS_PROXY"] = "http://proxy:3128";
  variables_["NO_PROXY"] = ".internal.example.com";
  EXPECT_EQ(route()->proxy, "http://proxy:3128");
  EXPECT_EQ(route(Whose::other, "https://s3.internal.example.com/")->proxy, "")
      << "decided for each address by itself";
  registry_.proxy = ProxySpec{"http://own:3128", CredentialsSpec{}};
  registry_.proxy->credentials->kind = CredentialsSpec::Kind::username_password;
  registry_.proxy->credentials->username = "u";
  registry_.proxy->credentials->password_file = write("password", "first\n");
  const auto first = route();
  EXPECT_EQ(first->proxy, "http://own:3128");
  EXPECT_EQ(first->proxy_username, "u");
  EXPECT_EQ(first->proxy_password.reveal(), "first");
  write("password", "second\n");
  EXPECT_EQ(route()->proxy_password.reveal(), "second");
}

TEST_F(Routes, TakeTheEntrysTransportSettings) {
  registry_.http2 = false;
  registry_.connections = 3;
  registry_.tls.insecure_skip_verify = true;
  EXPECT_FALSE(route()->http2);
  EXPECT_EQ(route()->connections, 3U);
  EXPECT_TRUE(route()->insecure_skip_verify);
  EXPECT_FALSE(route(Whose::other)->insecure_skip_verify);
  const auto plain = book_.route(nullptr, *Url::parse("https://r/"), Whose::registry);
  EXPECT_TRUE(plain->http2);
  EXPECT_EQ(plain->connections, 8U);
}

}  // namespace
}  // namespace ocisync
