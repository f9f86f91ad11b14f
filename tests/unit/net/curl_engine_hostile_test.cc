#include <string>
#include <vector>

#include "exchange_test.h"

namespace ocisync {
namespace {

using namespace std::chrono_literals;

using CurlEngineDefence = ExchangeTest;

TEST_F(CurlEngineDefence, CapsATextBody) {
  LoopbackServer server([](Exchange& exchange) {
    exchange.send(LoopbackServer::answer(200, std::string(101, 'x')));
  });
  HttpRequest request = get(server.url());
  request.text_limit = 101;
  EXPECT_EQ(send(request).text.size(), 101U);
  request.text_limit = 100;
  EXPECT_EQ(refusal(request).reason(), Reason::limit_exceeded);
}

TEST_F(CurlEngineDefence, StopsReadingAnEndlessChunkedBody) {
  LoopbackServer server([](Exchange& exchange) {
    exchange.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
    while (exchange.send("400\r\n" + std::string(1024, 'x') + "\r\n")) {
    }
    exchange.close();
  });
  EXPECT_EQ(refusal(get(server.url())).reason(), Reason::limit_exceeded);
}

TEST_F(CurlEngineDefence, KeepsTheStatusOfALongErrorPageAndItsBeginning) {
  LoopbackServer server([](Exchange& exchange) {
    if (exchange.request().target == "/ending") {
      exchange.send(LoopbackServer::answer(503, std::string(101, 'x')));
      return;
    }
    exchange.send("HTTP/1.1 429 Later\r\nRetry-After: 7\r\nTransfer-Encoding: chunked\r\n\r\n");
    while (exchange.send("400\r\n" + std::string(1024, 'x') + "\r\n")) {
    }
    exchange.close();
  });
  HttpRequest request = get(server.url("/ending"));
  request.text_limit = 100;
  const HttpResponse ending = send(request);
  EXPECT_EQ(ending.status(), 503);
  EXPECT_EQ(ending.text, std::string(100, 'x'));
  const HttpResponse endless = send(get(server.url("/endless")));
  EXPECT_EQ(endless.status(), 429);
  ASSERT_NE(endless.headers().find("Retry-After"), nullptr);
  EXPECT_EQ(endless.text.size(), 64U * 1024);
}

TEST_F(CurlEngineDefence, TreatsATruncatedBodyAsUnavailable) {
  LoopbackServer server([](Exchange& exchange) {
    exchange.send(exchange.request().target == "/length"
                      ? "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly this"
                      : "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n64\r\nonly this");
    exchange.close();
  });
  EXPECT_EQ(refusal(get(server.url("/length"))).reason(), Reason::unavailable);
  EXPECT_EQ(refusal(get(server.url("/chunked"))).reason(), Reason::unavailable);
}

TEST_F(CurlEngineDefence, TreatsSilentHangUpsAndClosedPortsAsUnavailable) {
  LoopbackServer server([](Exchange& exchange) { exchange.close(); });
  const Error cut = refusal(get(server.url("/x?sig=secret")));
  EXPECT_EQ(cut.reason(), Reason::unavailable);
  EXPECT_NE(cut.message().find("GET " + server.url("/x?sig=…")), std::string::npos) << cut.what();
  EXPECT_EQ(refusal(get("http://127.0.0.1:1/")).reason(), Reason::unavailable);
}

struct HostileHead {
  const char* description;
  std::string bytes;
  Reason reason;
};

std::string many_lines(std::size_t count, const std::string& line) {
  std::string text = "HTTP/1.1 200 OK\r\n";
  for (std::size_t i = 0; i < count; ++i)
    text += line;
  return text + "Content-Length: 0\r\n\r\n";
}

std::string many_hints() {
  std::string text;
  for (int i = 0; i < 300; ++i)
    text += "HTTP/1.1 103 Early Hints\r\n\r\n";
  return text + "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
}

TEST_F(CurlEngineDefence, RefusesHostileHeads) {
  const std::vector<HostileHead> heads = {
      {"many lines", many_lines(250, "A: b\r\n"), Reason::limit_exceeded},
      {"many bytes", many_lines(100, "A: " + std::string(1000, 'b') + "\r\n"),
       Reason::limit_exceeded},
      {"one huge line", many_lines(1, "A: " + std::string(1 << 20, 'b') + "\r\n"),
       Reason::limit_exceeded},
      {"endless hints", many_hints(), Reason::limit_exceeded},
      {"two lengths", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
       Reason::protocol_violation},
      {"negative length", "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
       Reason::protocol_violation},
      {"wordy length", "HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n",
       Reason::protocol_violation},
      {"length beyond numbers",
       "HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999999\r\n\r\nx",
       Reason::protocol_violation},
      {"a line without colon", "HTTP/1.1 200 OK\r\nwhat is this\r\nContent-Length: 0\r\n\r\n",
       Reason::protocol_violation},
      {"a folded line", "HTTP/1.1 200 OK\r\nA: b\r\n c\r\nContent-Length: 0\r\n\r\n",
       Reason::protocol_violation},
      {"a NUL", std::string("HTTP/1.1 200 OK\r\nA: \0b\r\nContent-Length: 0\r\n\r\n", 44),
       Reason::protocol_violation},
      {"no HTTP at all", "SSH-2.0-OpenSSH_9.2\r\n", Reason::protocol_violation},
      {"no final status", "HTTP/1.1 103 Early Hints\r\n\r\n", Reason::unavailable},
  };
  for (const HostileHead& head : heads) {
    SCOPED_TRACE(head.description);
    LoopbackServer server([&](Exchange& exchange) {
      exchange.send(head.bytes);
      exchange.close();
    });
    const Error error = refusal(get(server.url()));
    EXPECT_EQ(to_string(error.reason()), to_string(head.reason)) << error.what();
  }
}

TEST_F(CurlEngineDefence, AcceptsTheSameLengthTwice) {
  LoopbackServer server([](Exchange& exchange) {
    exchange.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nab");
  });
  EXPECT_EQ(send(get(server.url())).text, "ab");
}

TEST_F(CurlEngineDefence, LeavesAContentEncodingAlone) {
  LoopbackServer server([](Exchange& exchange) {
    exchange.send(LoopbackServer::answer(200, "not gzip", "Content-Encoding: gzip\r\n"));
  });
  EXPECT_EQ(send(get(server.url())).text, "not gzip");
}

TEST_F(CurlEngineDefence, ErrorsCarryNoControlBytes) {
  LoopbackServer server([](Exchange& exchange) {
    exchange.send("HTTP/1.1 200 OK\r\n\x1b[31mred\r\n\r\n");
    exchange.close();
  });
  const Error error = refusal(get(server.url()));
  EXPECT_EQ(std::string(error.what()).find('\x1b'), std::string::npos);
}

TEST_F(CurlEngineDefence, KeepsForeignReferencesAwayFromTheInside) {
  LoopbackServer server(
      [](Exchange& exchange) { exchange.send(LoopbackServer::answer(200, "inside")); });
  const std::string port = std::to_string(server.port());
  for (const std::string host : {"127.0.0.1", "localhost", "2130706433", "0x7f.1", "0.0.0.0",
                                 "[::1]", "[::ffff:127.0.0.1]", "[64:ff9b::7f00:1]"}) {
    SCOPED_TRACE(host);
    HttpRequest request = get("http://" + host + ":" + port + "/");
    request.addresses = AddressPolicy::public_only;
    EXPECT_EQ(refusal(request).reason(), Reason::policy_refused);
  }
  EXPECT_TRUE(server.requests().empty());
}

TEST_F(CurlEngineDefence, KeepsForeignReferencesOffAnOpenConnectionToTheInside) {
  LoopbackServer server(
      [](Exchange& exchange) { exchange.send(LoopbackServer::answer(200, "inside")); });
  for (const std::string host : {"127.0.0.1", "localhost"}) {
    SCOPED_TRACE(host);
    HttpRequest request = get("http://" + host + ":" + std::to_string(server.port()) + "/");
    EXPECT_EQ(send(request).text, "inside");
    request.addresses = AddressPolicy::public_only;
    const Error error = refusal(request);
    EXPECT_EQ(error.reason(), Reason::policy_refused);
    EXPECT_NE(error.message().find("127.0.0.1"), std::string::npos);
  }
  EXPECT_EQ(server.requests().size(), 2U);
}

TEST_F(CurlEngineDefence, ProxiesAreNoWayAroundThePolicy) {
  LoopbackServer proxy(
      [](Exchange& exchange) { exchange.send(LoopbackServer::answer(200, "fetched")); });
  auto route = plain_route();
  route->proxy = proxy.url("");
  for (const std::string host : {"169.254.169.254", "localhost", "10.0.0.1", "127.0.0.1."}) {
    HttpRequest request = get("http://" + host + "/", route);
    request.addresses = AddressPolicy::public_only;
    EXPECT_EQ(refusal(request).reason(), Reason::policy_refused) << host;
  }
  HttpRequest request = get("http://storage.example/", route);
  request.addresses = AddressPolicy::public_only;
  EXPECT_EQ(send(request).text, "fetched");
}

}  // namespace
}  // namespace ocisync
