#pragma once

#include "base/error.h"
#include "net/http.h"

namespace ocisync {

// What --offline has in the engine's place: it opens nothing and refuses everything. Whoever can
// tell what is missing by name does so before it comes to this.
class NoNetwork final : public HttpClient {
 public:
  HttpResponse send(const HttpRequest& request, std::stop_token /*stop*/) override {
    throw Error(Reason::offline_miss, "only the network could answer " +
                                          std::string(to_string(request.method)) + " " +
                                          request.url.display());
  }
};

}  // namespace ocisync
