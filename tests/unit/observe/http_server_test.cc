#include "observe/http_server.h"

#include <algorithm>
#include <filesystem>
#include <future>
#include <mutex>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "served.h"
#include "support/expect_error.h"

namespace ocisync {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

// Says what it was asked.
ServerAnswer echo(const ServerRequest& request) {
  ServerAnswer answer;
  std::string text = request.method + " " + request.path;
  for (const auto& [name, value] : request.query)
    text += " ?" + name + "=" + value;
  if (const auto found = request.headers.find("x-test"); found != request.headers.end())
    text += " x-test=" + found->second;
  answer.body = text + "\n";
  return answer;
}

std::size_t open_descriptors() {
  return static_cast<std::size_t>(
      std::distance(std::filesystem::directory_iterator("/proc/self/fd"), {}));
}

TEST(HttpServer, HandsRequestsOver) {
  const auto server = serve(echo);
  const Reply reply = ask(server->port(), "GET", "/a%20b?verbose&x=1%262", "X-Test: yes\r\n");
  EXPECT_EQ(reply.status(), 200);
  EXPECT_EQ(reply.body, "GET /a b ?verbose= ?x=1&2 x-test=yes\n");
}

TEST(HttpServer, KeepsBrowsersFromGuessingCachingAndFraming) {
  const auto server = serve(echo);
  const Reply reply = ask(server->port(), "GET", "/");
  EXPECT_TRUE(reply.has("Content-Type: text/plain; charset=utf-8"));
  EXPECT_TRUE(reply.has("X-Content-Type-Options: nosniff"));
  EXPECT_TRUE(reply.has("Cache-Control: no-store"));
  EXPECT_TRUE(reply.has("Content-Security-Policy: default-src 'none'; frame-ancestors 'none'"));
}

TEST(HttpServer, AnAnswerMayHaveItsOwnPolicy) {
  const auto server = serve([](const ServerRequest&) {
    ServerAnswer answer;
    answer.headers = {{"Content-Security-Policy", "default-src 'self'"}};
    return answer;
  });
  const Reply reply = ask(server->port(), "GET", "/");
  EXPECT_TRUE(reply.has("Content-Security-Policy: default-src 'self'"));
  EXPECT_THAT(reply.head, Not(HasSubstr("frame-ancestors")));
}

TEST(HttpServer, AnswersHeadWithoutABody) {
  const auto server = serve(echo);
  const Reply reply = ask(server->port(), "HEAD", "/x");
  EXPECT_EQ(reply.status(), 200);
  EXPECT_EQ(reply.body, "");
}

TEST(HttpServer, ServesManyRequestsOnOneConnection) {
  const auto server = serve(echo);
  Visit visit(server->port());
  visit.send(
      "GET /1 HTTP/1.1\r\nHost: h\r\n\r\nGET /2 HTTP/1.1\r\nHost: h\r\n"
      "Connection: close\r\n\r\n");
  const std::string all = visit.rest();
  EXPECT_THAT(all, HasSubstr("GET /1\n"));
  EXPECT_THAT(all, HasSubstr("GET /2\n"));
}

TEST(HttpServer, MakesALongAnswerWhileItIsRead) {
  std::atomic<int> made = 0;
  const auto server = serve([&](const ServerRequest&) {
    ServerAnswer answer;
    answer.body = [&made]() -> std::optional<std::string> {
      if (made == 50)
        return std::nullopt;
      ++made;
      return std::string(1 << 20, 'x');
    };
    return answer;
  });
  Visit visit(server->port());
  visit.send("GET / HTTP/1.0\r\nHost: h\r\n\r\n");
  visit.read(1 << 16);
  EXPECT_EQ(ask(server->port(), "GET", "/other").status(), 200) << "others are not kept waiting";
  visit.rest();
  EXPECT_EQ(made, 50);
}

TEST(HttpServer, AFailureInTheMiddleEndsTheConnection) {
  const auto server = serve([](const ServerRequest&) {
    ServerAnswer answer;
    answer.body = []() -> std::optional<std::string> { throw std::runtime_error("no"); };
    return answer;
  });
  EXPECT_THAT(ask(server->port(), "GET", "/").body, Not(HasSubstr("0\r\n\r\n")));
}

TEST(HttpServer, AFailureOfTheHandlerIsA500AndNothingMore) {
  const auto server =
      serve([](const ServerRequest&) -> ServerAnswer { throw std::runtime_error("secret"); });
  const Reply reply = ask(server->port(), "GET", "/");
  EXPECT_EQ(reply.status(), 500);
  EXPECT_EQ(reply.body, "500 internal error\n");
}

TEST(HttpServer, RefusesBodiesThatAreTooLong) {
  const auto server = serve(echo);
  EXPECT_EQ(ask(server->port(), "POST", "/", "", std::string(64 * 1024, 'x')).status(), 200);
  const Reply reply = ask(server->port(), "POST", "/", "Content-Length: 65537\r\n");
  EXPECT_EQ(reply.status(), 413);
  EXPECT_EQ(reply.body, "413 the body is too large\n");
  EXPECT_EQ(
      ask(server->port(), "POST", "/", "Content-Length: 99999999999999999999999\r\n").status(),
      413);
}

TEST(HttpServer, DropsAChunkedBodyThatDoesNotEnd) {
  const auto server = serve(echo);
  Visit visit(server->port());
  visit.send("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n");
  const std::string chunk = "1000\r\n" + std::string(0x1000, 'x') + "\r\n";
  bool sent = true;
  for (int i = 0; sent && i < 10'000; ++i)
    sent = visit.send(chunk);
  EXPECT_FALSE(sent);
  EXPECT_EQ(ask(server->port(), "GET", "/").status(), 200);
}

TEST(HttpServer, RefusesHeadsThatAreTooLong) {
  const auto server = serve(echo);
  EXPECT_EQ(ask(server->port(), "GET", "/", "X-Test: " + std::string(8'000, 'x') + "\r\n").status(),
            200);
  for (const std::string& more : {"X-Long: " + std::string(40'000, 'x') + "\r\n", [] {
                                    std::string many;
                                    for (int i = 0; i < 5'000; ++i)
                                      many += "X-" + std::to_string(i) + ": y\r\n";
                                    return many;
                                  }()}) {
    const Reply reply = ask(server->port(), "GET", "/", more);
    EXPECT_TRUE(reply.status() == 431 || reply.status() == 413 || reply.head.empty()) << reply.head;
  }
  const Reply target = ask(server->port(), "GET", "/" + std::string(40'000, 'x'));
  EXPECT_TRUE(target.status() == 414 || target.head.empty()) << target.head;
  EXPECT_EQ(ask(server->port(), "GET", "/").status(), 200);
}

TEST(HttpServer, SurvivesWhatIsNoHttp) {
  const auto server = serve(echo);
  for (const std::string& bytes :
       {std::string("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 11), std::string("\r\n\r\n"),
        std::string("GET\r\n\r\n"), std::string("GET / HTTP/9.9\r\n\r\n"),
        std::string(100'000, '\0'), std::string("GET / HTTP/1.1\r\n\r\n"),
        std::string("GET /%00%ff%zz HTTP/1.1\r\nHost: h\r\n\r\n")}) {
    Visit visit(server->port());
    visit.send(bytes);
    visit.send("\r\n\r\n");
  }
  EXPECT_EQ(ask(server->port(), "GET", "/").status(), 200);
}

TEST(HttpServer, AThousandIdleConnectionsSilenceNobody) {
  const auto server = serve(echo);
  const std::size_t before = open_descriptors();
  std::vector<std::unique_ptr<Visit>> idle;
  std::size_t answered = 0;
  for (int i = 0; i < 1000; ++i) {
    idle.push_back(std::make_unique<Visit>(server->port()));
    if (i % 2 == 1)
      idle.back()->send("GET / HTTP/1.1\r\nHost: h\r\nX-");  // and never the rest
    if (i % 50 == 49)
      answered += ask(server->port(), "GET", "/").status() == 200;
  }
  EXPECT_EQ(answered, 20U);
  EXPECT_LT(open_descriptors() - before, 1000U + 300U) << "ours, and few of the server's";
  for (int i = 0; i < 20; ++i)
    EXPECT_EQ(ask(server->port(), "GET", "/").status(), 200);
}

TEST(HttpServer, ShowsOutWhoWasIdleLongest) {
  HttpServerSettings settings;
  settings.connections = 2;
  const auto server = serve(echo, settings);
  Visit first(server->port());
  first.send("GET /1 HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_THAT(first.read(4096), HasSubstr("GET /1"));
  Visit second(server->port());
  second.send("GET /2 HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_THAT(second.read(4096), HasSubstr("GET /2"));
  Visit third(server->port());
  third.send("GET /3 HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_THAT(third.read(4096), HasSubstr("GET /3"));
  EXPECT_THAT(first.rest(), IsEmpty());
  second.send("GET /4 HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
  EXPECT_THAT(second.rest(), HasSubstr("GET /4"));
}

TEST(HttpServer, ReadersThatNeverFinishSilenceNobody) {
  HttpServerSettings settings;
  settings.connections = 2;
  const auto server = serve(
      [](const ServerRequest& request) {
        ServerAnswer answer;
        if (request.path == "/endless")
          answer.body = []() -> std::optional<std::string> { return std::string(1 << 16, 'x'); };
        return answer;
      },
      settings);
  std::vector<std::unique_ptr<Visit>> readers;
  for (int i = 0; i < 10; ++i) {
    readers.push_back(std::make_unique<Visit>(server->port()));
    readers.back()->send("GET /endless HTTP/1.1\r\nHost: h\r\n\r\n");
    EXPECT_THAT(readers.back()->read(100), Not(IsEmpty()));
    EXPECT_EQ(ask(server->port(), "GET", "/").status(), 200);
  }
}

TEST(HttpServer, ClosesWhatIsIdleTooLong) {
  HttpServerSettings settings;
  settings.idle = std::chrono::seconds(1);
  const auto server = serve(echo, settings);
  Visit visit(server->port());
  EXPECT_THAT(visit.rest(), IsEmpty());
}

TEST(HttpServer, EndsWhileAnAnswerIsUnderWay) {
  auto server = serve([](const ServerRequest&) {
    ServerAnswer answer;
    answer.body = []() -> std::optional<std::string> { return std::string(1 << 16, 'x'); };
    return answer;
  });
  Visit visit(server->port());
  visit.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_THAT(visit.read(100), Not(IsEmpty()));
  server.reset();
  visit.rest();
}

TEST(HttpServer, ServesIpv4AndIpv6OnOnePort) {
  for (const char* host : {"[::]", ""}) {
    const auto server = serve(echo, {}, host);
    EXPECT_TRUE(Visit(server->port()).connected());
    EXPECT_TRUE(Visit(server->port(), true).connected());
    EXPECT_THAT(server->address(), testing::StartsWith("[::]:"));
  }
  const auto server = serve(echo, {}, "127.0.0.1");
  EXPECT_TRUE(Visit(server->port()).connected());
  EXPECT_FALSE(Visit(server->port(), true).connected());
}

TEST(HttpServer, NamesAnAddressThatItCannotHave) {
  const auto server = serve(echo);
  const auto listen = [](const std::string& where) {
    HttpServerSettings settings;
    settings.listen = where;
    return error_of([&] { HttpServer(settings, echo); });
  };
  const std::string taken = "127.0.0.1:" + std::to_string(server->port());
  const auto busy = listen(taken);
  EXPECT_EQ(busy->reason(), Reason::usage_invalid);
  EXPECT_EQ(facts(busy->reason()).exit_code, 2);
  EXPECT_EQ(busy->message(), "cannot listen on " + taken + ": the port is in use");
  EXPECT_THAT(busy->hint(), HasSubstr("--listen"));
  EXPECT_THAT(listen("192.0.2.1:20000")->message(), HasSubstr("192.0.2.1:20000"));
  for (const char* wrong : {"", "9786", "example.com:9786", "[::1]", "::1:9786", "127.0.0.1:",
                            "127.0.0.1:65536", "127.0.0.1:-1", "[]:1", "[127.0.0.1]:1", "[:1"})
    EXPECT_THAT(listen(wrong)->message(), HasSubstr("must be")) << wrong;
}

}  // namespace
}  // namespace ocisync
