#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/secret.h"
#include "base/sink.h"
#include "net/url.h"

namespace ocisync {

// Header fields in order of arrival; names compare ignoring case (HTTP/2 sends lower case).
class Headers {
 public:
  void add(std::string name, std::string value) {
    fields_.emplace_back(std::move(name), std::move(value));
  }

  const std::string* find(std::string_view name) const;  // the first
  std::vector<std::string_view> all(std::string_view name) const;

  const std::vector<std::pair<std::string, std::string>>& fields() const { return fields_; }

 private:
  std::vector<std::pair<std::string, std::string>> fields_;
};

enum class Method { get, head, post, put, patch };
std::string_view to_string(Method method);

// Which addresses a connection may go to, checked against what the name resolved to (so a name that
// points inward, or changes its mind, gains nothing).
enum class AddressPolicy {
  any,          // the server the user named
  public_only,  // a server that another server named
};

// How to reach a server: everything that decides whether two requests may share a connection.
// Immutable once made; shared by the requests that use it.
struct Route {
  bool http2 = true;
  std::uint32_t connections = 8;  // to one origin at a time; with HTTP/2 streams are not counted
  std::string ca_pem;             // trust anchors; empty: the system's
  std::string client_cert_pem;
  Secret client_key_pem;
  bool insecure_skip_verify = false;
  std::string proxy;  // URL; empty: none
  std::string proxy_username;
  Secret proxy_password;
};

// The head of an answer.
struct ResponseHead {
  int status = 0;
  Headers headers;
};

// Where a body goes once its head is known: the sink for this answer's body, or null to have it
// kept as text (an error page). Called once per answer, also when no body follows, on the engine's
// thread; what it throws ends the exchange.
using BodyChooser = std::function<Sink*(const ResponseHead&)>;

struct HttpRequest {
  Method method = Method::get;
  Url url;
  std::shared_ptr<const Route> route;
  Headers headers{};
  AddressPolicy addresses = AddressPolicy::any;
  std::string body{};         // sent as it is
  BodyChooser choose_body{};  // empty: the body is kept as text
  // Of a body kept as text. One byte more fails where the status is 2xx; of any other answer the
  // beginning is kept, as its status says enough.
  std::uint64_t text_limit = 64 * 1024;
  // From the start of the exchange (after any queueing) until the head is there, and the whole of a
  // text body; while a request body goes out, from its last piece on.
  Duration timeout = std::chrono::seconds(30);
  Duration stall_timeout = std::chrono::seconds(30);  // of a body slower than 1 KiB/s
  std::optional<SteadyTime> not_before{};             // waits in the engine's queue until then
  bool fresh_connection = false;                      // none that is open already: it may be dead
  // Bytes of `body` that have left, on the engine's thread; fewer than before: it began anew.
  std::function<void(std::uint64_t)> sent{};

  // Over TLS only, where a server can choose (ALPN).
  bool offers_http2() const { return route->http2 && url.origin().scheme == "https"; }
};

struct HttpResponse {
  ResponseHead head;
  std::string text;              // empty when a sink took the body
  std::uint64_t body_bytes = 0;  // received, whoever took them
  std::uint64_t sent_bytes = 0;  // of the request's body; what had to be sent again counts again
  int http_version = 11;         // 10, 11, 20
  Duration duration{0};          // without waiting in the engine's queue

  int status() const { return head.status; }

  const Headers& headers() const { return head.headers; }
};

// Sends one request and waits for its answer. Redirects, credentials and retries are the caller's:
// this is one exchange. Any status is an answer; what throws is no answer: Error(unavailable),
// (timed_out), (tls_failed), (policy_refused), (limit_exceeded), (protocol_violation), (cancelled),
// (unauthorized) by the proxy, and whatever a sink threw. A seam for tests.
class HttpClient {
 public:
  virtual ~HttpClient() = default;

  // Blocks. Safe from any thread. When `stop` is requested the exchange is dropped:
  // Error(cancelled).
  virtual HttpResponse send(const HttpRequest& request, std::stop_token stop) = 0;
};

}  // namespace ocisync
