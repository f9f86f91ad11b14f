#pragma once

#include <memory>
#include <string>

#include "net/http.h"

namespace ocisync {

// The HttpClient over libcurl. One thread owns every curl object; callers hand it requests and
// sleep. At most 64 transfers are alive at once, per origin no more than its route allows; the rest
// wait in order. The thread sleeps until something happens: it has no tick. Bodies are written to
// their sinks on that thread, never paused. Nothing of curl's convenience that could leak is on: no
// redirects, no cookies, no netrc, no content decoding, no proxy from the environment.
class CurlEngine final : public HttpClient {
 public:
  explicit CurlEngine(std::string user_agent);
  ~CurlEngine() override;  // drops what is under way
  CurlEngine(const CurlEngine&) = delete;
  CurlEngine& operator=(const CurlEngine&) = delete;

  HttpResponse send(const HttpRequest& request, std::stop_token stop) override;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace ocisync
