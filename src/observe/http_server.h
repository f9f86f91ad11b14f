#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/clock.h"
#include "observe/listener.h"
#include "observe/pieces.h"

namespace ocisync {

struct ServerTls {
  std::filesystem::path cert_file;
  std::filesystem::path key_file;
};

struct HttpServerSettings {
  std::string listen = "[::]:9786";  // as listen_on takes it
  std::optional<ServerTls> tls;
  unsigned connections = 100;  // 1 to 100; above it the one that was idle longest goes
  Duration idle = std::chrono::seconds(30);
};

// A request as far as our endpoints look at it: no body is ever read.
struct ServerRequest {
  std::string method;
  std::string path;  // as sent, unescaped
  std::map<std::string, std::string, std::less<>> query;
  std::map<std::string, std::string, std::less<>> headers;  // names in lower case
};

struct ServerAnswer {
  int status = 200;
  std::string content_type = "text/plain; charset=utf-8";
  std::vector<std::pair<std::string, std::string>> headers{};
  std::variant<std::string, Pieces> body{};
};

// Answers HTTP/1.1 on one address, plain or with TLS 1.2 or newer, in one thread of its own. A
// thousand idle connections cost nobody an answer: above the limit the one that was idle longest is
// closed, so descriptors stay bounded too. Heads above 16 KiB and bodies above 64 KiB are refused,
// every answer carries headers that keep browsers from guessing, caching and framing.
class HttpServer {
 public:
  // Called in the server's thread: it must not block. What it throws becomes a 500.
  using Handler = std::function<ServerAnswer(const ServerRequest&)>;

  // Listens when it returns. Error(usage_invalid) names the address: busy, not ours, no such host;
  // or the certificate file that does not fit.
  HttpServer(const HttpServerSettings& settings, Handler handler);
  ~HttpServer();  // ends what is under way
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  std::uint16_t port() const { return listener_.port; }

  const std::string& address() const { return listener_.address; }  // as bound

  // The certificate or key file changed: new connections get the new one. Error(usage_invalid) when
  // they do not fit; the old one stays then.
  void reload_tls();

 private:
  class Service;

  HttpServerSettings settings_;
  Handler handler_;
  Listener listener_;
  std::unique_ptr<Service> service_;
};

}  // namespace ocisync
