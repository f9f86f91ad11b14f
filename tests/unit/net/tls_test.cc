#include <fmt/format.h>

#include "tls_exchange.h"

namespace ocisync {
namespace {

TEST_F(TlsExchange, TrustsTheAuthorityOfTheRoute) {
  start_server();
  const HttpResponse response = send(ask(trusting("ours")));
  EXPECT_EQ(response.status(), 200);
  EXPECT_NE(response.text.find("TLSv1.3"), std::string::npos);
}

TEST_F(TlsExchange, RefusesEveryOtherAuthority) {
  start_server();
  for (const auto& route : {plain_route(), trusting("theirs")}) {
    const Error error = refusal(ask(route));
    EXPECT_EQ(error.reason(), Reason::tls_failed) << error.what();
    EXPECT_NE(error.hint().find("tls.caFile"), std::string::npos) << error.what();
  }
}

TEST_F(TlsExchange, RefusesACertificateForAnotherName) {
  start_server();
  const Error error = refusal(ask(trusting("ours"), "localhost"));
  EXPECT_EQ(error.reason(), Reason::tls_failed) << error.what();
}

TEST_F(TlsExchange, LooksAwayOnlyWhenAskedTo) {
  start_server();
  auto route = plain_route();
  route->insecure_skip_verify = true;
  EXPECT_EQ(send(ask(route, "localhost")).status(), 200);
  EXPECT_EQ(refusal(ask(plain_route())).reason(), Reason::tls_failed);
}

TEST_F(TlsExchange, PresentsTheClientCertificateOfTheRoute) {
  start_server({"-Verify", "1", "-CAfile", path("ours.pem"), "-verify_return_error"});
  auto route = trusting("ours");
  const Error error = refusal(ask(route));
  EXPECT_EQ(error.reason(), Reason::tls_failed) << error.what();
  EXPECT_NE(error.hint().find("tls.certFile"), std::string::npos) << error.what();
  route = trusting("ours");
  route->client_cert_pem = contents("client.pem");
  route->client_key_pem = Secret(contents("client.key"));
  const HttpResponse response = send(ask(route));
  EXPECT_NE(response.text.find("CN=client"), std::string::npos) << response.text;
}

TEST_F(TlsExchange, RefusesAKeyThatBelongsToAnotherCertificate) {
  start_server();
  auto route = trusting("ours");
  route->client_cert_pem = contents("client.pem");
  route->client_key_pem = Secret(contents("server.key"));
  EXPECT_EQ(refusal(ask(route)).reason(), Reason::tls_failed);
}

// RFC 6797 and RFC 7838: what a server says of tomorrow must change nothing.
TEST_F(TlsExchange, KeepsNoStrictTransportSecurityAndNoAlternativeService) {
  LoopbackServer plain([](Exchange& exchange) {
    exchange.send("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nplain");
  });
  Pipe requests;
  Pipe answers;
  listen({"-quiet"}, answers.output.get(), requests.input.get());
  auto route = plain_route();
  route->insecure_skip_verify = true;
  for (int i = 0; i < 2; ++i) {
    auto secure = send_aside(ask(route, "localhost"));
    std::string head;
    while (head.find("\r\n\r\n") == std::string::npos)
      ASSERT_TRUE(requests.read(head));
    answers.write(
        fmt::format("HTTP/1.1 200 OK\r\nStrict-Transport-Security: max-age=31536000\r\n"
                    "Alt-Svc: http/1.1=\":{}\"; ma=86400\r\nContent-Length: 6\r\n\r\nsecure",
                    plain.port()));
    EXPECT_EQ(secure.get().text, "secure") << i;
  }
  EXPECT_EQ(plain.connections(), 0U);
  EXPECT_EQ(send(get(fmt::format("http://localhost:{}/", plain.port()), route)).text, "plain");
}

TEST_F(TlsExchange, PointsAtThePlainHttpSettingWhenTheServerSpeaksNoTls) {
  LoopbackServer server([](Exchange&) {}, "HTTP/1.1 400 Bad Request\r\n\r\n");
  const Error error = refusal(get("https://127.0.0.1:" + std::to_string(server.port()) + "/"));
  EXPECT_EQ(error.reason(), Reason::tls_failed) << error.what();
  EXPECT_NE(error.hint().find("plainHTTP: true"), std::string::npos) << error.hint();
}

}  // namespace
}  // namespace ocisync
