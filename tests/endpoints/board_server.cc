// Serves the endpoints over a board that stdin moves. Prints the port, then does one line at a time
// and says "done":
//   want NAME...   ok NAME   fail NAME REASON MESSAGE   vanish   end
#include <iostream>
#include <random>
#include <sstream>

#include "base/error.h"
#include "observe/endpoints.h"

namespace ocisync {
namespace {

Reason reason_named(const std::string& name) {
  for (const Reason reason : all_reasons())
    if (to_string(reason) == name)
      return reason;
  return Reason::internal;
}

BoardChart chart_named(const std::string& name) {
  return {.name = name,
          .ref = "oci://registry.example.com:5000/charts/" + name,
          .range = "^1.2",
          .required = !name.starts_with("optional"),
          .suspended = name.starts_with("suspended"),
          .interval = std::chrono::minutes(5),
          .export_path = "/charts/" + name};
}

void obey(StatusBoard& board, const Clock& clock, const std::string& line) {
  std::istringstream words(line);
  std::string verb, name, reason, message;
  words >> verb;
  if (verb == "want") {
    std::vector<BoardChart> charts;
    while (words >> name)
      charts.push_back(chart_named(name));
    board.set_charts(std::move(charts), "hash");
    return;
  }
  words >> name >> reason;
  std::getline(words >> std::ws, message);
  board.attempt_began(name);
  if (verb == "ok")
    board.attempt_ended(name, {.result = SyncResult::updated,
                               .version = "1.10." + std::to_string(name.size()),
                               .digest = Digest::of(name),
                               .in_place = true,
                               .message = "the range chose it"});
  else
    board.attempt_ended(
        name, {.result = SyncResult::failed, .reason = reason_named(reason), .message = message});
  board.attempt_planned(name, clock.wall() + std::chrono::minutes(5));
}

std::unique_ptr<HttpServer> serve(const Endpoints& endpoints) {
  std::random_device random;
  while (true) {
    try {
      return std::make_unique<HttpServer>(
          HttpServerSettings{.listen = "127.0.0.1:" + std::to_string(11'000 + random() % 20'000),
                             .tls = {}},
          [&](const ServerRequest& request) { return endpoints.answer(request); });
    } catch (const Error&) {
      continue;  // that port is taken
    }
  }
}

void run() {
  const RealClock clock;
  StatusBoard board(clock, "platform");
  const Metrics metrics(board, "0.1.0", "test");
  const Endpoints endpoints({}, board, metrics, clock, {});
  auto server = serve(endpoints);
  std::cout << server->port() << std::endl;
  for (std::string line; std::getline(std::cin, line) && line != "end";) {
    if (line == "vanish")
      server.reset();
    else
      obey(board, clock, line);
    std::cout << "done" << std::endl;
  }
}

}  // namespace
}  // namespace ocisync

int main() { ocisync::run(); }
