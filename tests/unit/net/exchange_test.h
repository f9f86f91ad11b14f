#pragma once

#include <future>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <utility>

#include <gtest/gtest.h>

#include "base/error.h"
#include "net/curl_engine.h"
#include "support/loopback_server.h"

namespace ocisync {

// What the tests of the engine share: an engine, and short words for one exchange.
class ExchangeTest : public ::testing::Test {
 protected:
  using Exchange = LoopbackServer::Exchange;

  static std::shared_ptr<Route> plain_route(std::uint32_t connections = 8) {
    auto route = std::make_shared<Route>();
    route->connections = connections;
    return route;
  }

  static HttpRequest get(const std::string& url, std::shared_ptr<const Route> route) {
    HttpRequest request{Method::get, *Url::parse(url), std::move(route)};
    request.timeout = std::chrono::seconds(20);
    request.stall_timeout = std::chrono::seconds(20);
    return request;
  }

  static HttpRequest get(const std::string& url) { return get(url, plain_route()); }

  HttpResponse send(const HttpRequest& request) { return engine_->send(request, {}); }

  std::future<HttpResponse> send_aside(HttpRequest request, std::stop_token stop = {}) {
    return std::async(std::launch::async, [engine = engine_.get(), request = std::move(request),
                                           stop] { return engine->send(request, stop); });
  }

  // The Error that sending ends with.
  Error refusal(const HttpRequest& request) {
    return error_of([&] { send(request); });
  }

  template <typename Act>
  static Error error_of(Act&& act) {
    try {
      act();
    } catch (const Error& error) {
      return error;
    }
    return Error(Reason::internal, "nothing was thrown");
  }

  std::unique_ptr<CurlEngine> engine_ = std::make_unique<CurlEngine>("ocisync/test");
};

// A sink that keeps everything and says when something arrived.
class RecordingSink final : public Sink {
 public:
  void write(Bytes bytes) override {
    {
      const std::lock_guard lock(mutex_);
      text_.append(as_text(bytes));
    }
    arrived_.notify_all();
  }

  std::string text() const {
    const std::lock_guard lock(mutex_);
    return text_;
  }

  void wait_for(std::size_t bytes) {
    std::unique_lock lock(mutex_);
    arrived_.wait(lock, [&] { return text_.size() >= bytes; });
  }

 private:
  mutable std::mutex mutex_;
  std::condition_variable arrived_;
  std::string text_;
};

}  // namespace ocisync
