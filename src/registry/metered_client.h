#pragma once

#include <functional>
#include <optional>
#include <string>

#include "base/clock.h"
#include "net/http.h"
#include "registry/client.h"

namespace ocisync {

// Passes requests on and counts them, for one caller and for the metrics; the first one of a try
// leaves no sooner than it may, and after silence all of a try take connections of their own. One
// thread at a time.
class MeteredClient final : public HttpClient {
 public:
  // `host` as configured: what all of it is booked under, redirects and token requests included.
  MeteredClient(HttpClient& http, const Clock& clock, std::string host,
                const ClientSettings& settings, TransferCounts& counts);

  void begin_try(unsigned number, std::optional<SteadyTime> not_before, bool after_silence) {
    tried_ = number;
    not_before_ = not_before;
    after_silence_ = after_silence;
  }

  HttpResponse send(const HttpRequest& request, std::stop_token stop) override;
  // Of one that is handed over nothing is copied: its body may be a whole archive.
  HttpResponse send(HttpRequest&& request, const std::stop_token& stop);

 private:
  HttpClient& http_;
  const Clock& clock_;
  std::string host_;
  const ClientSettings& settings_;
  TransferCounts& counts_;
  unsigned tried_ = 1;
  std::optional<SteadyTime> not_before_;
  bool after_silence_ = false;
};

}  // namespace ocisync
