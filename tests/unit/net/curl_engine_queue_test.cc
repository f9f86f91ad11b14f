#include <chrono>
#include <thread>
#include <vector>

#include "exchange_test.h"

namespace ocisync {
namespace {

using namespace std::chrono_literals;

using CurlEngineQueue = ExchangeTest;

std::string ok(std::string_view body) { return LoopbackServer::answer(200, body); }

TEST_F(CurlEngineQueue, OpensNoMoreConnectionsToAnOriginThanItsRouteAllows) {
  LoopbackServer server([](Exchange& exchange) {
    exchange.pause(5ms);
    exchange.send(ok(""));
  });
  const auto route = plain_route(3);
  std::vector<std::future<HttpResponse>> answers;
  for (int i = 0; i < 24; ++i)
    answers.push_back(send_aside(get(server.url(), route)));
  for (auto& answer : answers)
    EXPECT_EQ(answer.get().status(), 200);
  EXPECT_EQ(server.connections(), 3U);
  EXPECT_LE(server.busiest(), 3U);
}

TEST_F(CurlEngineQueue, ASilentOriginDelaysNoOther) {
  LoopbackServer silent([](Exchange& exchange) { exchange.hang(); });
  LoopbackServer lively([](Exchange& exchange) { exchange.send(ok("here")); });
  const auto greedy = plain_route(200);
  std::stop_source stop;
  std::vector<std::future<HttpResponse>> stuck;
  for (int i = 0; i < 80; ++i)
    stuck.push_back(send_aside(get(silent.url(), greedy), stop.get_token()));
  silent.wait_for_requests(48);
  for (int i = 0; i < 20; ++i)
    EXPECT_EQ(send(get(lively.url())).text, "here");
  EXPECT_EQ(silent.requests().size(), 48U);
  stop.request_stop();
  for (auto& exchange : stuck)
    EXPECT_EQ(error_of([&] { exchange.get(); }).reason(), Reason::cancelled);
}

TEST_F(CurlEngineQueue, HoldsARequestBackUntilItsTime) {
  LoopbackServer server([](Exchange& exchange) { exchange.send(ok("")); });
  HttpRequest request = get(server.url());
  const auto when = std::chrono::steady_clock::now() + 30ms;
  request.not_before = when;
  auto answer = send_aside(request);
  EXPECT_EQ(send(get(server.url("/meanwhile"))).status(), 200);
  answer.get();
  EXPECT_GE(std::chrono::steady_clock::now(), when);
  EXPECT_EQ(server.requests().at(0).target, "/meanwhile");
}

TEST_F(CurlEngineQueue, GivesUpOnAnAnswerThatDoesNotCome) {
  LoopbackServer server([](Exchange& exchange) {
    if (exchange.request().target == "/hints")
      exchange.send("HTTP/1.1 103 Early Hints\r\n\r\n");
    exchange.hang();
  });
  for (const char* target : {"/silent", "/hints"}) {
    HttpRequest request = get(server.url(target));
    request.timeout = 40ms;
    RecordingSink sink;
    request.choose_body = [&](const ResponseHead&) { return &sink; };
    request.stall_timeout = 1ms;  // is about bodies, not about waiting for an answer
    const Error error = refusal(request);
    EXPECT_EQ(error.reason(), Reason::timed_out);
    EXPECT_NE(error.message().find("no answer within 0.04 s"), std::string::npos) << error.what();
  }
}

TEST_F(CurlEngineQueue, TakesAnyTimeoutForAnAnswer) {
  LoopbackServer server([](Exchange& exchange) { exchange.send(ok("in time")); });
  HttpRequest request = get(server.url());
  request.timeout = Duration::max();
  request.stall_timeout = Duration::max();
  EXPECT_EQ(send(request).text, "in time");
}

TEST_F(CurlEngineQueue, GivesUpOnATextThatDoesNotEnd) {
  LoopbackServer server([](Exchange& exchange) {
    exchange.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n");
    for (int i = 0; i < 100 && exchange.send("x"); ++i)
      exchange.pause(5ms);
  });
  HttpRequest request = get(server.url());
  request.timeout = 50ms;
  const Error error = refusal(request);
  EXPECT_EQ(error.reason(), Reason::timed_out);
  EXPECT_NE(error.message().find("did not end within"), std::string::npos) << error.what();
}

TEST_F(CurlEngineQueue, CutsABodyThatStalls) {
  LoopbackServer server([](Exchange& exchange) {
    exchange.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nsome");
    exchange.hang();
  });
  RecordingSink sink;
  HttpRequest request = get(server.url());
  request.choose_body = [&](const ResponseHead&) { return &sink; };
  request.stall_timeout = 40ms;
  const Error error = refusal(request);
  EXPECT_EQ(error.reason(), Reason::timed_out);
  EXPECT_NE(error.message().find("slower than 1 KiB/s for 0.04 s"), std::string::npos);
  EXPECT_EQ(sink.text(), "some");
}

TEST_F(CurlEngineQueue, LetsASlowButSteadyBodyTakeItsTime) {
  LoopbackServer server([](Exchange& exchange) {
    exchange.send("HTTP/1.1 200 OK\r\nContent-Length: 40960\r\n\r\n");
    for (int i = 0; i < 40; ++i) {
      exchange.send(std::string(1024, 'x'));
      exchange.pause(10ms);
    }
  });
  RecordingSink sink;
  HttpRequest request = get(server.url());
  request.choose_body = [&](const ResponseHead&) { return &sink; };
  request.timeout = 200ms;  // the whole takes longer; only the head has to be there by then
  request.stall_timeout = 300ms;
  EXPECT_EQ(send(request).body_bytes, 40960U);
}

TEST_F(CurlEngineQueue, ACancelledBodyLeavesItsSinkAlone) {
  LoopbackServer server([](Exchange& exchange) {
    exchange.send("HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n");
    while (exchange.send(std::string(4096, 'x'))) {
    }
    exchange.close();
  });
  auto sink = std::make_unique<RecordingSink>();
  HttpRequest request = get(server.url());
  request.choose_body = [&](const ResponseHead&) { return sink.get(); };
  std::stop_source stop;
  auto answer = send_aside(request, stop.get_token());
  sink->wait_for(10'000);
  stop.request_stop();
  EXPECT_EQ(error_of([&] { answer.get(); }).reason(), Reason::cancelled);
  sink.reset();  // the sanitizers would see a late write
  EXPECT_EQ(refusal(get("http://127.0.0.1:1/")).reason(), Reason::unavailable);
}

TEST_F(CurlEngineQueue, CancelsWhatStillWaitsForItsTurn) {
  LoopbackServer server([](Exchange& exchange) { exchange.hang(); });
  const auto route = plain_route(1);
  auto first = send_aside(get(server.url("/first"), route));
  server.wait_for_requests(1);
  std::stop_source stop;
  auto queued = send_aside(get(server.url("/queued"), route), stop.get_token());
  HttpRequest later = get(server.url("/later"), route);
  later.not_before = std::chrono::steady_clock::now() + 1h;
  auto delayed = send_aside(later, stop.get_token());
  stop.request_stop();
  EXPECT_EQ(error_of([&] { queued.get(); }).reason(), Reason::cancelled);
  EXPECT_EQ(error_of([&] { delayed.get(); }).reason(), Reason::cancelled);
  EXPECT_EQ(server.requests().size(), 1U);
  engine_.reset();
  EXPECT_EQ(error_of([&] { first.get(); }).reason(), Reason::cancelled);
}

TEST_F(CurlEngineQueue, SendsNothingOnceStopWasAsked) {
  std::stop_source stop;
  stop.request_stop();
  const HttpRequest request = get("http://127.0.0.1:1/");
  EXPECT_EQ(error_of([&] { engine_->send(request, stop.get_token()); }).reason(),
            Reason::cancelled);
}

TEST_F(CurlEngineQueue, ManySendersMayBeStoppedAtOnce) {
  LoopbackServer server([](Exchange& exchange) {
    if (exchange.request().target == "/silent")
      return exchange.hang();
    exchange.send(ok("still here"));
  });
  std::stop_source stop;
  std::vector<std::future<HttpResponse>> stuck;
  for (int i = 0; i < 32; ++i)
    stuck.push_back(send_aside(get(server.url("/silent")), stop.get_token()));
  server.wait_for_requests(8);
  stop.request_stop();
  for (auto& exchange : stuck)
    EXPECT_EQ(error_of([&] { exchange.get(); }).reason(), Reason::cancelled);
  EXPECT_EQ(send(get(server.url("/lively"))).text, "still here");
}

TEST_F(CurlEngineQueue, DropsWhatIsUnderWayWhenItEnds) {
  LoopbackServer server([](Exchange& exchange) {
    exchange.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nsome");
    exchange.hang();
  });
  std::vector<std::future<HttpResponse>> answers;
  for (int i = 0; i < 8; ++i)
    answers.push_back(send_aside(get(server.url())));
  server.wait_for_requests(8);
  engine_.reset();
  for (auto& answer : answers)
    EXPECT_EQ(error_of([&] { answer.get(); }).reason(), Reason::cancelled);
}

}  // namespace
}  // namespace ocisync
