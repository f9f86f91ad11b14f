#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>

#include "base/clock.h"
#include "observe/http_server.h"
#include "observe/metrics.h"
#include "observe/status_board.h"

namespace ocisync {

// The part of `spec.http` that a reload may change.
struct EndpointSettings {
  Duration max_staleness{0};  // 0: readiness does not age
  bool page = true;           // "/" and the detail of /status
  std::optional<std::filesystem::path> admin_token_file;
};

// What the two POST endpoints set off. Both must return at once.
struct AdminActions {
  std::function<void()> sync;
  std::function<void()> reload;
};

// Everything that the HTTP server answers: probes, metrics, status, the page, and the two POST
// endpoints for who holds the admin token. Safe from any thread.
class Endpoints {
 public:
  Endpoints(EndpointSettings settings, const StatusBoard& board, const Metrics& metrics,
            const Clock& clock, AdminActions actions);
  ~Endpoints();

  void set(EndpointSettings settings);
  ServerAnswer answer(const ServerRequest& request) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace ocisync
