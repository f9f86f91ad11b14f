#include "registry/metered_client.h"

#include <algorithm>
#include <utility>

#include "base/error.h"

namespace ocisync {
namespace {

class CountingSink final : public Sink {
 public:
  void write(Bytes bytes) override {
    count_ += bytes.size();
    into_->write(bytes);
  }

  Sink* before(Sink* into) {
    into_ = into;
    return into ? this : nullptr;
  }

  std::uint64_t count() const noexcept { return count_; }

 private:
  Sink* into_ = nullptr;
  std::uint64_t count_ = 0;
};

}  // namespace

MeteredClient::MeteredClient(HttpClient& http, const Clock& clock, std::string host,
                             const ClientSettings& settings, TransferCounts& counts)
    : http_(http), clock_(clock), host_(std::move(host)), settings_(settings), counts_(counts) {}

HttpResponse MeteredClient::send(const HttpRequest& request, std::stop_token stop) {
  return send(HttpRequest(request), stop);
}

HttpResponse MeteredClient::send(HttpRequest&& request, const std::stop_token& stop) {
  CountingSink content;
  if (request.choose_body)
    request.choose_body = [&content, choose = std::move(request.choose_body)](
                              const ResponseHead& head) { return content.before(choose(head)); };
  if (const auto held = std::exchange(not_before_, std::nullopt))
    request.not_before = std::max(*held, request.not_before.value_or(*held));
  request.fresh_connection = request.fresh_connection || after_silence_;
  Exchange exchange{.host = host_, .method = request.method, .tried = tried_};
  const SteadyTime begin = std::max(clock_.steady(), request.not_before.value_or(SteadyTime{}));
  const auto book = [&] {
    exchange.received = std::max(exchange.received, content.count());
    counts_.bytes += content.count();
    if (settings_.observe)
      settings_.observe(exchange);
  };
  ++counts_.requests;
  if (settings_.began)
    settings_.began(host_);
  try {
    HttpResponse response = http_.send(request, stop);
    exchange.status = response.status();
    exchange.duration = response.duration;
    exchange.received = response.body_bytes;
    exchange.sent = response.sent_bytes;
    book();
    return response;
  } catch (const Error&) {
    const auto took = std::chrono::duration_cast<Duration>(clock_.steady() - begin);
    exchange.duration = std::max(took, Duration(0));
    book();
    throw;
  }
}

}  // namespace ocisync
