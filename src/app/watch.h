#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "app/options.h"
#include "app/wiring.h"
#include "observe/endpoints.h"
#include "observe/http_server.h"

namespace ocisync {

// The endpoints of a run: health, metrics, status, the page.
class Service {
 public:
  // Listens when it returns. Error(usage_invalid): the address is busy, malformed or not ours.
  Service(const std::string& listen, Wiring& wiring, AdminActions actions);

  // What a reload may change.
  void follow(const HttpSpec& http) { endpoints_.set(settings(http)); }

  HttpServer& server() { return server_; }

 private:
  static EndpointSettings settings(const HttpSpec& http);

  Endpoints endpoints_;
  HttpServer server_;
};

struct WatchOptions {
  SpecOptions spec;
  TermsOptions terms;
  std::optional<std::string> listen;
  std::optional<std::filesystem::path> status_file;
  std::function<Spec(Log&)> load;  // the spec as this run takes it; throws as load_effective_spec
};

// Keeps reconciling until SIGTERM or SIGINT. Returns 0 when that ended it in good order.
int watch(const WatchOptions& options, Log& log);

}  // namespace ocisync
