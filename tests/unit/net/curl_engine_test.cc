#include "net/curl_engine.h"

#include <stdexcept>
#include <thread>
#include <vector>

#include "exchange_test.h"

namespace ocisync {
namespace {

using namespace std::chrono_literals;

using CurlEngineExchange = ExchangeTest;

std::string ok(std::string_view body) { return LoopbackServer::answer(200, body); }

TEST_F(CurlEngineExchange, ReturnsStatusHeadersAndText) {
  LoopbackServer server([](Exchange& exchange) {
    exchange.send(
        LoopbackServer::answer(404, "no such thing", "X-One: 1\r\nx-one:  2 \r\nEmpty:\r\n"));
  });
  const HttpResponse response = send(get(server.url("/v2/")));
  EXPECT_EQ(response.status(), 404);
  EXPECT_EQ(response.text, "no such thing");
  EXPECT_EQ(response.body_bytes, 13U);
  EXPECT_EQ(response.http_version, 11);
  EXPECT_EQ(response.headers().all("X-ONE"), (std::vector<std::string_view>{"1", "2"}));
  EXPECT_EQ(*response.headers().find("empty"), "");
  EXPECT_EQ(response.headers().find("absent"), nullptr);
}

TEST_F(CurlEngineExchange, AsksForExactlyWhatTheRequestSays) {
  LoopbackServer server([](Exchange& exchange) { exchange.send(ok("")); });
  HttpRequest request = get(server.url("/v2/a%2Fb/x?n=1&last=%20"));
  request.headers.add("Accept", "application/json");
  request.headers.add("X-Empty", "");
  send(request);
  const auto seen = server.requests().at(0);
  EXPECT_EQ(seen.method, "GET");
  EXPECT_EQ(seen.target, "/v2/a%2Fb/x?n=1&last=%20");
  EXPECT_TRUE(seen.has_line("Accept: application/json"));
  EXPECT_TRUE(seen.has_line("Accept-Encoding: identity"));
  EXPECT_EQ(seen.head.find("Accept-Encoding"), seen.head.rfind("Accept-Encoding"));
  EXPECT_TRUE(seen.has_line("User-Agent: ocisync/test"));
  EXPECT_TRUE(seen.has_line("X-Empty:"));
  EXPECT_EQ(seen.head.find("Expect"), std::string::npos);
  EXPECT_EQ(seen.head.find("Cookie"), std::string::npos);
}

TEST_F(CurlEngineExchange, TakesAConnectionOfItsOwnWhenToldTo) {
  LoopbackServer server([](Exchange& exchange) { exchange.send(ok("")); });
  HttpRequest request = get(server.url());
  send(request);
  request.fresh_connection = true;
  send(request);
  EXPECT_EQ(server.connections(), 2U);
}

// The milliseconds that data may stay unacknowledged on our socket to this port; 0: as long as the
// kernel likes, which is a quarter of an hour.
unsigned patience_of_connection_to(std::uint16_t port) {
  for (int fd = 0; fd < 256; ++fd) {
    sockaddr_in peer{};
    socklen_t size = sizeof peer;
    if (::getpeername(fd, reinterpret_cast<sockaddr*>(&peer), &size) != 0 ||
        ntohs(peer.sin_port) != port)
      continue;
    unsigned patience = 0;
    size = sizeof patience;
    ::getsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &patience, &size);
    return patience;
  }
  return 0;
}

TEST_F(CurlEngineExchange, LetsGoOfAPeerThatAcknowledgesNothing) {
  unsigned patience = 0;
  LoopbackServer server([&](Exchange& exchange) {
    patience = patience_of_connection_to(server.port());
    exchange.send(ok(""));
  });
  send(get(server.url()));
  EXPECT_EQ(patience, 30'000U);
}

TEST_F(CurlEngineExchange, RefusesAHeaderThatWouldBecomeTwo) {
  LoopbackServer server([](Exchange& exchange) { exchange.send(ok("")); });
  HttpRequest request = get(server.url());
  request.headers.add("Authorization", "Bearer x\r\nHost: elsewhere");
  const Error error = refusal(request);
  EXPECT_EQ(error.reason(), Reason::internal);
  EXPECT_EQ(std::string(error.what()).find("elsewhere"), std::string::npos);
  EXPECT_TRUE(server.requests().empty());
}

TEST_F(CurlEngineExchange, KeepsItsConnection) {
  LoopbackServer server([](Exchange& exchange) { exchange.send(ok("hello")); });
  for (int i = 0; i < 50; ++i)
    EXPECT_EQ(send(get(server.url())).text, "hello");
  EXPECT_EQ(server.connections(), 1U);
}

TEST_F(CurlEngineExchange, CarriesNothingOverFromTheRequestBefore) {
  LoopbackServer server([](Exchange& exchange) { exchange.send(ok("")); });
  HttpRequest first = get(server.url());
  first.method = Method::put;
  first.body = "bytes";
  first.headers.add("Authorization", "Bearer secret");
  send(first);
  send(get(server.url()));
  const auto second = server.requests().at(1);
  EXPECT_EQ(second.method, "GET");
  EXPECT_EQ(second.head.find("Authorization"), std::string::npos);
  EXPECT_EQ(second.body, "");
}

TEST_F(CurlEngineExchange, ServesManySendersAtOnce) {
  LoopbackServer server([](Exchange& exchange) { exchange.send(ok(exchange.request().target)); });
  std::vector<std::thread> senders;
  std::atomic<int> right = 0;
  for (int sender = 0; sender < 64; ++sender)
    senders.emplace_back([&, sender] {
      for (int i = 0; i < 5; ++i) {
        const std::string target = "/" + std::to_string(sender) + "/" + std::to_string(i);
        right += send(get(server.url(target))).text == target ? 1 : 0;
      }
    });
  for (std::thread& sender : senders)
    sender.join();
  EXPECT_EQ(right, 64 * 5);
  EXPECT_LE(server.connections(), 8U);
}

TEST_F(CurlEngineExchange, SendsBodiesWithTheirLength) {
  LoopbackServer server([](Exchange& exchange) { exchange.send(LoopbackServer::answer(201, "")); });
  for (const Method method : {Method::put, Method::post, Method::patch}) {
    HttpRequest request = get(server.url("/upload"));
    request.method = method;
    request.body = std::string(300'000, 'b');
    const HttpResponse response = send(request);
    EXPECT_EQ(response.status(), 201);
    EXPECT_EQ(response.sent_bytes, request.body.size());
    const auto seen = server.requests().back();
    EXPECT_EQ(seen.method, to_string(method));
    EXPECT_EQ(seen.body, request.body);
    EXPECT_EQ(seen.head.find("Content-Type"), std::string::npos);
    EXPECT_EQ(seen.head.find("Expect"), std::string::npos);
  }
}

TEST_F(CurlEngineExchange, SendsAnEmptyPostAsEmpty) {
  LoopbackServer server([](Exchange& exchange) { exchange.send(LoopbackServer::answer(202, "")); });
  HttpRequest request = get(server.url("/uploads/"));
  request.method = Method::post;
  EXPECT_EQ(send(request).status(), 202);
  EXPECT_TRUE(server.requests().at(0).has_line("Content-Length: 0"));
}

TEST_F(CurlEngineExchange, SendsABodyAgainWhenTheKeptConnectionTurnsOutDead) {
  LoopbackServer server([](Exchange& exchange) {
    if (exchange.request().connection == 0 && exchange.request().method == "PUT")
      return exchange.close();
    exchange.send(ok(exchange.request().body));
  });
  send(get(server.url()));
  HttpRequest request = get(server.url());
  request.method = Method::put;
  request.body = "all of it";
  EXPECT_EQ(send(request).text, "all of it");
  EXPECT_EQ(server.connections(), 2U);
}

TEST_F(CurlEngineExchange, WaitsForNoBodyAfterHead) {
  LoopbackServer server([](Exchange& exchange) {
    exchange.send(
        "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\nDocker-Content-Digest: sha256:0\r\n\r\n");
  });
  HttpRequest request = get(server.url());
  request.method = Method::head;
  const HttpResponse response = send(request);
  EXPECT_EQ(response.text, "");
  EXPECT_EQ(*response.headers().find("docker-content-digest"), "sha256:0");
  EXPECT_EQ(server.requests().at(0).method, "HEAD");
}

TEST_F(CurlEngineExchange, ReadsPastInformationalAnswers) {
  LoopbackServer server([](Exchange& exchange) {
    exchange.send("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n");
    exchange.send(ok("final"));
  });
  const HttpResponse response = send(get(server.url()));
  EXPECT_EQ(response.status(), 200);
  EXPECT_EQ(response.headers().find("Link"), nullptr);
  EXPECT_EQ(response.text, "final");
}

TEST_F(CurlEngineExchange, ReadsAnHttp10AnswerUntilTheServerCloses) {
  LoopbackServer server([](Exchange& exchange) {
    exchange.send("HTTP/1.0 200 OK\r\n\r\nold but fine");
    exchange.close();
  });
  const HttpResponse response = send(get(server.url()));
  EXPECT_EQ(response.text, "old but fine");
  EXPECT_EQ(response.http_version, 10);
}

TEST_F(CurlEngineExchange, LeavesRedirectsToTheCaller) {
  LoopbackServer server([](Exchange& exchange) {
    exchange.send(LoopbackServer::answer(307, "", "Location: /elsewhere\r\nSet-Cookie: a=b\r\n"));
  });
  EXPECT_EQ(send(get(server.url())).status(), 307);
  send(get(server.url()));
  ASSERT_EQ(server.requests().size(), 2U);
  EXPECT_EQ(server.requests().at(1).head.find("Cookie"), std::string::npos);
}

TEST_F(CurlEngineExchange, GivesTheBodyToTheSinkThatTheHeadCallsFor) {
  LoopbackServer server([](Exchange& exchange) {
    const bool good = exchange.request().target == "/good";
    exchange.send(LoopbackServer::answer(good ? 200 : 500, good ? "content" : "sorry"));
  });
  RecordingSink sink;
  int choices = 0;
  const auto ask = [&](std::string_view target) {
    HttpRequest request = get(server.url(target));
    request.choose_body = [&](const ResponseHead& head) -> Sink* {
      ++choices;
      return head.status == 200 ? &sink : nullptr;
    };
    return send(request);
  };
  const HttpResponse good = ask("/good");
  EXPECT_EQ(good.text, "");
  EXPECT_EQ(good.body_bytes, 7U);
  EXPECT_EQ(ask("/bad").text, "sorry");
  EXPECT_EQ(sink.text(), "content");
  EXPECT_EQ(choices, 2);
}

TEST_F(CurlEngineExchange, SurfacesWhatASinkThrows) {
  LoopbackServer server([](Exchange& exchange) { exchange.send(ok("too much")); });
  CappedBuffer sink(3, "the chart");
  HttpRequest request = get(server.url());
  request.choose_body = [&](const ResponseHead&) { return &sink; };
  const Error error = refusal(request);
  EXPECT_EQ(error.reason(), Reason::limit_exceeded);
  EXPECT_EQ(error.message(), "the chart is larger than 3 bytes");
  EXPECT_EQ(send(get(server.url())).text, "too much");
}

TEST_F(CurlEngineExchange, SurfacesWhatTheChoiceOfABodyThrows) {
  LoopbackServer server([](Exchange& exchange) { exchange.send(ok("body")); });
  HttpRequest request = get(server.url());
  request.choose_body = [](const ResponseHead&) -> Sink* { throw std::runtime_error("not that"); };
  EXPECT_THROW(send(request), std::runtime_error);
}

TEST_F(CurlEngineExchange, SeveralEnginesLiveSideBySide) {
  LoopbackServer server([](Exchange& exchange) { exchange.send(ok("x")); });
  CurlEngine other("ocisync/other");
  EXPECT_EQ(other.send(get(server.url()), {}).text, "x");
  EXPECT_EQ(send(get(server.url())).text, "x");
}

TEST_F(CurlEngineExchange, GoesThroughTheProxyOfTheRoute) {
  LoopbackServer proxy([](Exchange& exchange) { exchange.send(ok("from the proxy")); });
  auto route = plain_route();
  route->proxy = proxy.url("");
  route->proxy_username = "user";
  route->proxy_password = Secret("word");
  EXPECT_EQ(send(get("http://registry.invalid/v2/", route)).text, "from the proxy");
  const auto seen = proxy.requests().at(0);
  EXPECT_EQ(seen.target, "http://registry.invalid/v2/");
  EXPECT_TRUE(seen.has_line("Proxy-Authorization: Basic dXNlcjp3b3Jk"));
}

TEST_F(CurlEngineExchange, ShowsTheProxyNoSecretOfATunnel) {
  LoopbackServer proxy([](Exchange& exchange) { exchange.send(LoopbackServer::answer(407, "")); });
  auto route = plain_route();
  route->proxy = proxy.url("");
  HttpRequest request = get("https://registry.invalid/v2/", route);
  request.headers.add("Authorization", "Bearer secret");
  const Error error = refusal(request);
  EXPECT_EQ(error.reason(), Reason::unauthorized);
  EXPECT_NE(std::string(error.what()).find("proxy"), std::string::npos);
  EXPECT_EQ(proxy.requests().at(0).method, "CONNECT");
  EXPECT_EQ(proxy.requests().at(0).head.find("secret"), std::string::npos);
}

}  // namespace
}  // namespace ocisync
