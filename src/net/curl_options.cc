#include "net/curl_options.h"

#include <algorithm>
#include <array>
#include <climits>

#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

namespace ocisync {
namespace {

constexpr long kBufferSize = 64 * 1024;
constexpr long kOldestIdleConnection = 60;  // seconds; then DNS and certificates are asked again
constexpr long kOldestConnection = 600;
constexpr Duration kLeastPatience = std::chrono::seconds(30);

Transfer& transfer_of(void* pointer) { return *static_cast<Transfer*>(pointer); }

// Runs `act` for curl, through whose C frames no exception may pass: it is kept for the caller.
template <typename Result, typename Act>
Result guarded(void* pointer, Result abort, Act&& act) noexcept {
  Transfer& transfer = transfer_of(pointer);
  try {
    return act(transfer);
  } catch (...) {
    transfer.park(std::current_exception());
    return abort;
  }
}

std::size_t on_header(char* data, std::size_t size, std::size_t count, void* pointer) {
  return guarded(pointer, std::size_t{CURL_WRITEFUNC_ERROR}, [&](Transfer& transfer) {
    transfer.receive_header({data, size * count});
    return size * count;
  });
}

std::size_t on_body(char* data, std::size_t size, std::size_t count, void* pointer) {
  return guarded(pointer, std::size_t{CURL_WRITEFUNC_ERROR}, [&](Transfer& transfer) {
    return transfer.receive_body(as_bytes({data, size * count})) ? size * count
                                                                 : CURL_WRITEFUNC_ERROR;
  });
}

std::size_t on_send(char* into, std::size_t size, std::size_t count, void* pointer) {
  return guarded(pointer, std::size_t{CURL_READFUNC_ABORT}, [&](Transfer& transfer) {
    return transfer.send_body({into, size * count});
  });
}

int on_seek(void* pointer, curl_off_t offset, int origin) {
  if (origin != SEEK_SET || offset < 0)
    return CURL_SEEKFUNC_CANTSEEK;
  transfer_of(pointer).rewind_body(static_cast<std::size_t>(offset));
  return CURL_SEEKFUNC_OK;
}

// A peer that vanished is found out by what it does not acknowledge; the kernel alone would go on
// for a quarter of an hour, and other requests with it on the same connection.
void limit_silence(curl_socket_t socket, Duration timeout) {
  const auto most = std::clamp<Duration::rep>(timeout.count(), kLeastPatience.count(), INT_MAX);
  const auto milliseconds = static_cast<unsigned>(most);
  ::setsockopt(socket, IPPROTO_TCP, TCP_USER_TIMEOUT, &milliseconds, sizeof milliseconds);
}

// Called with what the name resolved to, right before connecting: no other name, and no change of
// mind of the name server, gets past this.
curl_socket_t open_socket(void* pointer, curlsocktype, curl_sockaddr* target) {
  return guarded(pointer, curl_socket_t{CURL_SOCKET_BAD}, [&](Transfer& transfer) {
    const auto address = IpAddress::of(target->addr);
    if (address && !transfer.admits(*address))
      return curl_socket_t{CURL_SOCKET_BAD};
    const curl_socket_t socket =
        ::socket(target->family, target->socktype | SOCK_CLOEXEC, target->protocol);
    if (socket >= 0)
      limit_silence(socket, transfer.request().timeout);
    return socket;
  });
}

// Called before each request, so also when it would go out on a connection opened for another one.
int on_connected(void* pointer, char* remote_ip, char*, int, int) {
  return guarded(pointer, int{CURL_PREREQFUNC_ABORT}, [&](Transfer& transfer) {
    const auto address = IpAddress::parse(remote_ip);
    return address && !transfer.admits(*address) ? CURL_PREREQFUNC_ABORT : CURL_PREREQFUNC_OK;
  });
}

void set_target(CurlHandle& handle, const HttpRequest& request) {
  const bool http2 = request.offers_http2();
  handle.set(CURLOPT_URL, request.url.str());
  handle.set(CURLOPT_PATH_AS_IS, 1L);
  handle.set(CURLOPT_PROTOCOLS_STR, request.url.origin().scheme);
  handle.set(CURLOPT_DISALLOW_USERNAME_IN_URL, 1L);
  handle.set(CURLOPT_HTTP_VERSION, http2 ? CURL_HTTP_VERSION_2TLS : CURL_HTTP_VERSION_1_1);
  handle.set(CURLOPT_PIPEWAIT, http2 ? 1L : 0L);
}

void set_connection(CurlHandle& handle, const HttpRequest& request) {
  handle.set(CURLOPT_NOSIGNAL, 1L);
  handle.set(CURLOPT_QUICK_EXIT, 1L);  // giving up on a name must not wait for its name server
  // Refused where the handle still holds the buffer of an HTTP/2 exchange; that one is as large.
  handle.prefer(CURLOPT_BUFFERSIZE, kBufferSize);
  handle.set(CURLOPT_TCP_KEEPALIVE, 1L);
  handle.set(CURLOPT_CONNECTTIMEOUT_MS,
             static_cast<long>(std::min<Duration::rep>(request.timeout.count(), INT_MAX)));
  handle.set(CURLOPT_FRESH_CONNECT, request.fresh_connection ? 1L : 0L);
  handle.set(CURLOPT_MAXAGE_CONN, kOldestIdleConnection);
  handle.set(CURLOPT_MAXLIFETIME_CONN, kOldestConnection);
}

// Who is named here is all that is trusted: libcurl was built with a directory of authorities that
// would count beside them. A file is read anew for each connection, as it may have been replaced.
void set_anchors(CurlHandle& handle, const Route& route, const std::string& trust_file) {
  if (route.ca_pem.empty() && trust_file.empty())
    return;
  if (route.ca_pem.empty()) {
    handle.set(CURLOPT_CAINFO, trust_file);
    handle.set(CURLOPT_PROXY_CAINFO, trust_file);
  } else {
    handle.set_blob(CURLOPT_CAINFO_BLOB, route.ca_pem);
    handle.set_blob(CURLOPT_PROXY_CAINFO_BLOB, route.ca_pem);
  }
  handle.set(CURLOPT_CAPATH, nullptr);
  handle.set(CURLOPT_PROXY_CAPATH, nullptr);
  handle.prefer(CURLOPT_CA_CACHE_TIMEOUT, 0L);
}

void set_trust(CurlHandle& handle, const Route& route, const std::string& trust_file) {
  handle.set(CURLOPT_SSLVERSION, long{CURL_SSLVERSION_TLSv1_2});
  if (route.insecure_skip_verify) {
    handle.set(CURLOPT_SSL_VERIFYPEER, 0L);
    handle.set(CURLOPT_SSL_VERIFYHOST, 0L);
  }
  set_anchors(handle, route, trust_file);
  if (route.client_cert_pem.empty())
    return;
  handle.set_blob(CURLOPT_SSLCERT_BLOB, route.client_cert_pem);
  handle.set_blob(CURLOPT_SSLKEY_BLOB, route.client_key_pem.reveal());
}

void set_proxy(CurlHandle& handle, const Route& route) {
  handle.set(CURLOPT_PROXY, route.proxy);  // empty: none, whatever the environment says
  handle.set(CURLOPT_NOPROXY, "");
  handle.set(CURLOPT_HEADEROPT, long{CURLHEADER_SEPARATE});
  handle.set(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
  if (route.proxy_username.empty())
    return;
  handle.set(CURLOPT_PROXYUSERNAME, route.proxy_username);
  handle.set(CURLOPT_PROXYPASSWORD, route.proxy_password.reveal());
}

void set_method(CurlHandle& handle, const HttpRequest& request) {
  switch (request.method) {
    case Method::get:
      handle.set(CURLOPT_HTTPGET, 1L);
      return;
    case Method::head:
      handle.set(CURLOPT_NOBODY, 1L);
      return;
    case Method::post:
    case Method::put:
    case Method::patch:
      // curl's own POST would add a form's content type.
      handle.set(CURLOPT_UPLOAD, 1L);
      handle.set(CURLOPT_CUSTOMREQUEST, to_string(request.method).data());
      handle.set(CURLOPT_INFILESIZE_LARGE, static_cast<curl_off_t>(request.body.size()));
      return;
  }
}

void set_headers(CurlHandle& handle, const HttpRequest& request, const std::string& user_agent) {
  handle.set(CURLOPT_USERAGENT, user_agent);
  handle.add_header("Accept-Encoding: identity");  // a digest is of the bytes as they are
  handle.add_header("Expect:");
  for (const auto& [name, value] : request.headers.fields()) {
    // A line break here would let one header become two.
    if ((name + value).find_first_of(std::string_view("\r\n\0", 3)) != std::string::npos)
      throw Error(Reason::internal, fmt::format("header {} has a line break in it", name));
    handle.add_header(value.empty() ? name + ";" : fmt::format("{}: {}", name, value));
  }
  handle.use_headers();
}

void set_callbacks(CurlHandle& handle, Transfer& transfer) {
  void* const self = &transfer;
  handle.set(CURLOPT_PRIVATE, self);
  handle.set(CURLOPT_HEADERFUNCTION, &on_header);
  handle.set(CURLOPT_HEADERDATA, self);
  handle.set(CURLOPT_WRITEFUNCTION, &on_body);
  handle.set(CURLOPT_WRITEDATA, self);
  handle.set(CURLOPT_READFUNCTION, &on_send);
  handle.set(CURLOPT_READDATA, self);
  handle.set(CURLOPT_SEEKFUNCTION, &on_seek);
  handle.set(CURLOPT_SEEKDATA, self);
  handle.set(CURLOPT_OPENSOCKETFUNCTION, &open_socket);
  handle.set(CURLOPT_OPENSOCKETDATA, self);
  handle.set(CURLOPT_PREREQFUNCTION, &on_connected);
  handle.set(CURLOPT_PREREQDATA, self);
}

}  // namespace

void set_options(CurlHandle& handle, Transfer& transfer, const CurlDefaults& defaults) {
  const HttpRequest& request = transfer.request();
  set_target(handle, request);
  set_connection(handle, request);
  set_trust(handle, *request.route, defaults.trust_file);
  set_proxy(handle, *request.route);
  set_method(handle, request);
  set_headers(handle, request, defaults.user_agent);
  set_callbacks(handle, transfer);
}

}  // namespace ocisync
