#include "observe/metrics.h"

#include <atomic>
#include <sstream>
#include <utility>

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include "base/guarded.h"
#include "observe/chart_series.h"
#include "observe/exposition.h"
#include "observe/process_figures.h"

namespace ocisync {
namespace {

using prometheus::Counter;
using prometheus::Family;
using prometheus::Gauge;
using prometheus::Histogram;

const Histogram::BucketBoundaries kSyncBuckets{0.05, 0.1, 0.25, 0.5, 1,   2.5,
                                               5,    10,  30,   60,  120, 300};
const Histogram::BucketBoundaries kRequestBuckets{0.005, 0.01, 0.025, 0.05, 0.1, 0.25,
                                                  0.5,   1,    2.5,   5,    10,  30};

std::string success_or_failure(bool successful) { return successful ? "success" : "failure"; }

std::string code_label(int status) {
  if (status == 0)
    return "none";
  return status >= 100 && status <= 599 ? std::to_string(status) : std::string("other");
}

std::string single(const char* name, const char* help, SampleType type, double value) {
  return exposition({name, help, type, {{{}, value}}});
}

std::string config_text(const ReloadState& reload) {
  return single("ocisync_config_last_reload_successful",
                "1 unless the last spec that was read had to be refused.", SampleType::gauge,
                reload.successful ? 1 : 0) +
         single("ocisync_config_last_reload_success_timestamp_seconds",
                "When a spec was last accepted.", SampleType::gauge, seconds(reload.last_success)) +
         exposition(
             {"ocisync_config_reloads_total",
              "New specs that were read, by result.",
              SampleType::counter,
              {{{{"result", success_or_failure(true)}}, static_cast<double>(reload.accepted)},
               {{{"result", success_or_failure(false)}}, static_cast<double>(reload.refused)}}});
}

std::string cache_text(const CacheFigures& cache) {
  const auto add = [](const char* name, const char* help, SampleType type, std::uint64_t value) {
    return single(name, help, type, static_cast<double>(value));
  };
  return add("ocisync_cache_hits_total", "Blobs that were served from the cache.",
             SampleType::counter, cache.hits) +
         add("ocisync_cache_misses_total", "Blobs that had to be fetched.", SampleType::counter,
             cache.misses) +
         add("ocisync_cache_evictions_total", "Blobs that were dropped from the cache.",
             SampleType::counter, cache.evictions) +
         add("ocisync_cache_size_bytes", "Bytes of the blobs in the cache.", SampleType::gauge,
             cache.size_bytes) +
         add("ocisync_cache_blobs", "Blobs in the cache.", SampleType::gauge, cache.blobs);
}

std::string process_text(const ProcessFigures& figures) {
  const auto add = [](const char* name, const char* help, SampleType type,
                      const std::optional<double>& value) {
    return value ? single(name, help, type, *value) : std::string();
  };
  return add("process_cpu_seconds_total", "Total user and system CPU time spent in seconds.",
             SampleType::counter, figures.cpu_seconds) +
         add("process_open_fds", "Number of open file descriptors.", SampleType::gauge,
             figures.open_fds) +
         add("process_max_fds", "Maximum number of open file descriptors.", SampleType::gauge,
             figures.max_fds) +
         add("process_virtual_memory_bytes", "Virtual memory size in bytes.", SampleType::gauge,
             figures.virtual_bytes) +
         add("process_resident_memory_bytes", "Resident memory size in bytes.", SampleType::gauge,
             figures.resident_bytes) +
         add("process_start_time_seconds", "Start time of the process since unix epoch in seconds.",
             SampleType::gauge, figures.start_seconds);
}

}  // namespace

struct Metrics::State {
  const StatusBoard& board;
  Sample build;
  std::atomic<bool> per_chart = true;
  Guarded<CacheFigures> cache{};
  prometheus::Registry registry{};
  Family<Histogram>& sync_duration = histograms(
      "ocisync_sync_duration_seconds", "How long attempts to bring a chart up to date took.");
  Family<Counter>& requests =
      counters("ocisync_registry_requests_total",
               "Requests made for a registry, by status code; none: there was no answer.");
  Family<Histogram>& request_duration = histograms("ocisync_registry_request_duration_seconds",
                                                   "How long requests for a registry took.");
  Family<Counter>& retries =
      counters("ocisync_registry_retries_total", "Requests that were made again, by reason.");
  Family<Gauge>& blocked = gauges("ocisync_registry_blocked_until_timestamp_seconds",
                                  "Until when a registry asked not to be asked again.");
  Family<Counter>& bytes =
      counters("ocisync_transfer_bytes_total", "Bytes of bodies exchanged with a registry.");
  Family<Gauge>& in_flight =
      gauges("ocisync_transfers_in_flight", "Exchanges with a registry that are under way.");
  Family<Counter>& verifications =
      counters("ocisync_verifications_total", "Checks of a chart's origin, by result.");
  Family<Counter>& refreshes =
      counters("ocisync_credential_refreshes_total",
               "Times credentials were read again after a refusal; success: they had changed.");
  Family<Counter>& hooks = counters("ocisync_hook_runs_total", "Runs of a hook, by result.");
  Counter& status_failures =
      counters("ocisync_status_write_failures_total", "Times the status could not be written.")
          .Add({});

  Family<Counter>& counters(const char* name, const char* help) {
    return prometheus::BuildCounter().Name(name).Help(help).Register(registry);
  }

  Family<Gauge>& gauges(const char* name, const char* help) {
    return prometheus::BuildGauge().Name(name).Help(help).Register(registry);
  }

  Family<Histogram>& histograms(const char* name, const char* help) {
    return prometheus::BuildHistogram().Name(name).Help(help).Register(registry);
  }

  // All but the series of charts.
  std::string head(const BoardSnapshot& now) const {
    std::ostringstream told;
    prometheus::TextSerializer().Serialize(told, registry.Collect());
    return exposition(
               {"ocisync_build_info", "What is running; always 1.", SampleType::gauge, {build}}) +
           config_text(now.reload) +
           single("ocisync_reconciler_heartbeat_timestamp_seconds",
                  "When the reconciler's own thread last showed that it is alive.",
                  SampleType::gauge, seconds(now.heartbeat)) +
           cache_text(cache.with([](const CacheFigures& figures) { return figures; })) +
           std::move(told).str() + process_text(process_figures());
  }
};

Metrics::Metrics(const StatusBoard& board, std::string_view version, std::string_view revision)
    : state_(new State{
          .board = board,
          .build = {{{"version", label_value(version)}, {"revision", label_value(revision)}}, 1}}) {
}

Metrics::~Metrics() = default;

void Metrics::set_per_chart(bool per_chart) { state_->per_chart = per_chart; }

void Metrics::sync_ended(SyncResult result, Duration duration) {
  state_->sync_duration.Add({{"result", std::string(to_string(result))}}, kSyncBuckets)
      .Observe(seconds(duration));
}

void Metrics::registry_request(std::string_view host, std::string_view method, int status,
                               Duration duration, std::uint64_t received, std::uint64_t sent) {
  const std::string name = label_value(host);
  const std::string verb = label_value(method);
  State& state = *state_;
  state.requests.Add({{"host", name}, {"method", verb}, {"code", code_label(status)}}).Increment();
  state.request_duration.Add({{"host", name}, {"method", verb}}, kRequestBuckets)
      .Observe(seconds(duration));
  state.bytes.Add({{"host", name}, {"direction", "received"}})
      .Increment(static_cast<double>(received));
  state.bytes.Add({{"host", name}, {"direction", "sent"}}).Increment(static_cast<double>(sent));
}

void Metrics::registry_retry(std::string_view host, Reason reason) {
  state_->retries.Add({{"host", label_value(host)}, {"reason", std::string(to_string(reason))}})
      .Increment();
}

void Metrics::registry_blocked(std::string_view host, WallTime until) {
  state_->blocked.Add({{"host", label_value(host)}}).Set(seconds(until));
}

void Metrics::transfer_began(std::string_view host) {
  state_->in_flight.Add({{"host", label_value(host)}}).Increment();
}

void Metrics::transfer_ended(std::string_view host) {
  state_->in_flight.Add({{"host", label_value(host)}}).Decrement();
}

void Metrics::set_cache(const CacheFigures& figures) {
  state_->cache.with([&](CacheFigures& held) { held = figures; });
}

void Metrics::verification_ended(bool verified) {
  state_->verifications.Add({{"result", success_or_failure(verified)}}).Increment();
}

void Metrics::credentials_refreshed(std::string_view host, bool successful) {
  state_->refreshes.Add({{"host", label_value(host)}, {"result", success_or_failure(successful)}})
      .Increment();
}

void Metrics::hook_ran(std::string_view hook, bool successful) {
  state_->hooks.Add({{"hook", label_value(hook)}, {"result", success_or_failure(successful)}})
      .Increment();
}

void Metrics::status_write_failed() { state_->status_failures.Increment(); }

std::string Metrics::text() const { return joined(pieces()); }

Pieces Metrics::pieces() const {
  BoardSnapshot board = state_->board.snapshot();
  std::string head = state_->head(board);
  if (!state_->per_chart)
    return one_piece(head + chart_sums(board));
  return [head = std::optional(std::move(head)),
          charts = chart_series(std::move(board))]() mutable -> std::optional<std::string> {
    return head ? std::exchange(head, std::nullopt) : charts();
  };
}

}  // namespace ocisync
