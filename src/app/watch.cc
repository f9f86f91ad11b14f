#include "app/watch.h"

#include <csignal>
#include <memory>
#include <utility>

#include <fmt/format.h>

#include "app/deadline.h"
#include "app/reload.h"
#include "app/signals.h"
#include "base/guarded.h"

namespace ocisync {
namespace {

// What a signal or a request sets off. Rung before anybody is connected, it is heard by whoever
// comes.
class Bell {
 public:
  void ring() {
    state_.with([](State& state) {
      if (state.act)
        state.act();
      else
        state.rung = true;
    });
  }

  class Connection {
   public:
    Connection(Bell& bell, std::function<void()> act) : bell_(bell) {
      bell_.state_.with([&](State& state) {
        state.act = std::move(act);
        if (std::exchange(state.rung, false))
          state.act();
      });
    }

    ~Connection() {
      bell_.state_.with([](State& state) { state.act = nullptr; });
    }

    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;

   private:
    Bell& bell_;
  };

 private:
  struct State {
    std::function<void()> act;
    bool rung = false;
  };

  Guarded<State> state_;
};

}  // namespace

EndpointSettings Service::settings(const HttpSpec& http) {
  return {.max_staleness = http.max_staleness,
          .page = http.page,
          .admin_token_file = http.admin_token_file};
}

Service::Service(const std::string& listen, Wiring& wiring, AdminActions actions)
    : endpoints_(settings(wiring.spec().http), wiring.board(), wiring.metrics(), wiring.clock(),
                 std::move(actions)),
      server_(
          [&] {
            const HttpSpec& http = wiring.spec().http;
            HttpServerSettings wanted;
            wanted.listen = listen;
            if (http.cert_file)
              wanted.tls = ServerTls{*http.cert_file, *http.key_file};
            return wanted;
          }(),
          [this](const ServerRequest& request) { return endpoints_.answer(request); }) {}

int watch(const WatchOptions& options, Log& log) {
  Bell sync, reload;
  Signals signals(Signals::Mode::watch);
  const Deadline deadline(signals, log, [](int) { return 0; });  // outlives whatever may hang
  require_config(options.spec);
  auto triggers = std::make_unique<Triggers>(log);
  triggers->watch(Reload::spec_files(options));
  Spec spec = options.load(log);
  const Terms terms = load_terms(options.spec, options.terms, spec);
  Wiring wiring(options.spec, std::move(spec), terms, log, options.status_file);
  Service service(options.listen.value_or(wiring.spec().http.listen), wiring,
                  {.sync = [&] { sync.ring(); }, .reload = [&] { reload.ring(); }});
  log.info("Started", "keeping the exports like the spec",
           {{"charts", static_cast<std::int64_t>(wiring.spec().charts.size())},
            {"listen", service.server().address()},
            {"version", std::string(OCISYNC_VERSION)}});
  Reload follower(options, std::move(triggers), wiring, service, log);
  const Bell::Connection syncs(sync, [&] { wiring.reconciler().sync_now(); });
  const Bell::Connection reloads(reload, [&] { follower.now(); });
  signals.on(SIGUSR1, [&] { sync.ring(); });
  signals.on(SIGHUP, [&] { reload.ring(); });

  const std::stop_callback stopping(signals.stop(), [&] { wiring.board().stop(); });
  wiring.reconciler().watch({options.spec.only.begin(), options.spec.only.end()}, signals.stop());
  log.info("Stopped", fmt::format("ended in good order by signal {}", signals.received()));
  return 0;
}

}  // namespace ocisync
