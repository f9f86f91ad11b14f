#include "registry/realm.h"

#include <gtest/gtest.h>

#include "support/failure.h"

namespace ocisync {
namespace {

class Realms : public ::testing::Test {
 protected:
  Realms() {
    context_.origin = Url::parse("https://registry.example.com:5000/")->origin();
    context_.route = own_;
    context_.route_elsewhere = [this](const Url&) { return other_; };
  }

  void give_password() { context_.credential = {Credential::Kind::basic, "u", Secret("p"), "f"}; }

  AuthContext context_;
  std::shared_ptr<const Route> own_ = std::make_shared<const Route>();
  std::shared_ptr<const Route> other_ = std::make_shared<const Route>();
};

TEST_F(Realms, OfTheRegistrysOwnHostGetThePassword) {
  give_password();
  for (const std::string_view text :
       {"https://registry.example.com/token", "https://registry.example.com:5000/service/token?x=y",
        "https://REGISTRY.example.com:9999/"}) {
    const Realm realm = check_realm(text, context_);
    // The client certificate is for the registry's own port alone.
    EXPECT_EQ(realm.route, realm.url.origin() == context_.origin ? own_ : other_) << text;
    EXPECT_EQ(realm.addresses, AddressPolicy::any);
  }
}

TEST_F(Realms, OfAnotherHostDoNotGetThePasswordUnlessListed) {
  give_password();
  const auto error =
      failure_of([&] { check_realm("https://auth.example.com:8443/token", context_); });
  ASSERT_TRUE(error);
  EXPECT_EQ(error->reason(), Reason::policy_refused);
  EXPECT_NE(error->hint().find("trustedRealms: [auth.example.com:8443]"), std::string::npos);
  for (const std::string entry : {"auth.example.com", "Auth.Example.com:8443"}) {
    context_.trusted_realms = {entry};
    EXPECT_EQ(check_realm("https://auth.example.com:8443/token", context_).route, other_);
  }
  context_.trusted_realms = {"auth.example.com:9", "example.com", "*"};
  EXPECT_EQ(reason_of([&] { check_realm("https://auth.example.com:8443/token", context_); }),
            Reason::policy_refused);
}

TEST_F(Realms, OfKnownPartnersGetThePassword) {
  give_password();
  context_.origin = Url::parse("https://registry-1.docker.io/")->origin();
  EXPECT_EQ(check_realm("https://auth.docker.io/token", context_).route, other_);
  EXPECT_EQ(reason_of([&] { check_realm("https://gitlab.com/jwt/auth", context_); }),
            Reason::policy_refused);
  context_.origin = Url::parse("https://registry.gitlab.com/")->origin();
  check_realm("https://gitlab.com/jwt/auth", context_);
}

TEST_F(Realms, MayBeAnyPublicServiceForWhoHasNoPassword) {
  const Realm realm = check_realm("https://auth.example.net/token", context_);
  EXPECT_EQ(realm.addresses, AddressPolicy::public_only);
  EXPECT_EQ(realm.route, other_);
  for (const std::string_view text : {"https://10.0.0.1/token", "https://localhost/token",
                                      "https://169.254.169.254/latest", "https://[::1]/"})
    EXPECT_EQ(reason_of([&] { check_realm(text, context_); }), Reason::policy_refused) << text;
  context_.realm_addresses = AddressPolicy::any;
  check_realm("https://10.0.0.1/token", context_);
}

TEST_F(Realms, OutToHurtAreRefused) {
  const std::string long_one = "https://registry.example.com/" + std::string(1 << 20, 'a');
  for (const bool secret : {false, true}) {
    if (secret)
      give_password();
    for (const std::string_view text :
         {std::string_view("http://registry.example.com/token"), std::string_view("http://evil/"),
          std::string_view("file:///etc/passwd"),
          std::string_view("https://u:p@registry.example.com/"),
          std::string_view("https://registry.example.com/\r\nX: y"), std::string_view(long_one),
          std::string_view("https://registry.example.com/#f"), std::string_view("/token"),
          std::string_view("token"), std::string_view(""), std::string_view("https://"),
          std::string_view("javascript:alert(1)"),
          std::string_view("https://registry.example.com\\@evil/")})
      EXPECT_EQ(reason_of([&] { check_realm(text, context_); }), Reason::policy_refused)
          << text.substr(0, 80);
  }
}

TEST_F(Realms, OverPlainHttpAreTheRegistrysOwnAndOnlyWhenItIsPlainItself) {
  give_password();
  context_.origin = Url::parse("http://registry.example.com:5000/")->origin();
  context_.plain_http = true;
  context_.trusted_realms = {"auth.example.com"};
  check_realm("http://registry.example.com:5001/token", context_);
  check_realm("https://auth.example.com/token", context_);
  EXPECT_EQ(reason_of([&] { check_realm("http://auth.example.com/token", context_); }),
            Reason::policy_refused);
}

}  // namespace
}  // namespace ocisync
