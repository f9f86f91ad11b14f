#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/error.h"
#include "observe/pieces.h"
#include "observe/status_board.h"

namespace ocisync {

// What the cache has done since the process started, and holds.
struct CacheFigures {
  std::uint64_t hits = 0;
  std::uint64_t misses = 0;
  std::uint64_t evictions = 0;
  std::uint64_t size_bytes = 0;
  std::uint64_t blobs = 0;
};

// Everything that Prometheus may know, and the text format 0.0.4 of it. What concerns single charts
// is read from the board when it is asked for, so a chart's series come and go with the spec; the
// rest is told here, where it happens. Hosts are as configured, never a redirect's. Safe from any
// thread.
class Metrics {
 public:
  Metrics(const StatusBoard& board, std::string_view version, std::string_view revision);
  ~Metrics();

  // False: sums over all charts instead of a series each.
  void set_per_chart(bool per_chart);

  void sync_ended(SyncResult result, Duration duration);
  // status 0: no answer. Bytes are those of bodies.
  void registry_request(std::string_view host, std::string_view method, int status,
                        Duration duration, std::uint64_t received, std::uint64_t sent);
  void registry_retry(std::string_view host, Reason reason);
  void registry_blocked(std::string_view host, WallTime until);
  void transfer_began(std::string_view host);
  void transfer_ended(std::string_view host);
  void set_cache(const CacheFigures& figures);
  void verification_ended(bool verified);
  void credentials_refreshed(std::string_view host, bool successful);
  void hook_ran(std::string_view hook, bool successful);
  void status_write_failed();

  // The whole text, for --metrics-file; in pieces of some hundred kilobytes for a scrape, so that
  // ten thousand charts and a slow reader cost no more than a snapshot of the board.
  std::string text() const;
  Pieces pieces() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace ocisync
