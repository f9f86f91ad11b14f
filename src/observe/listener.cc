#include "observe/listener.h"

#include <cerrno>
#include <charconv>
#include <cstring>
#include <system_error>

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "base/error.h"

namespace ocisync {
namespace {

constexpr int kBacklog = 1024;

struct Endpoint {
  sockaddr_storage storage{};
  socklen_t size = 0;
  std::string text;
};

Error unusable(std::string_view listen, std::string_view what) {
  return {Reason::usage_invalid, fmt::format("cannot listen on {}: {}", listen, what)};
}

Endpoint endpoint6(const in6_addr& host, std::uint16_t port) {
  Endpoint result;
  sockaddr_in6 address{};
  address.sin6_family = AF_INET6;
  address.sin6_port = htons(port);
  address.sin6_addr = host;
  std::memcpy(&result.storage, &address, sizeof address);
  result.size = sizeof address;
  char text[INET6_ADDRSTRLEN] = "";
  ::inet_ntop(AF_INET6, &host, text, sizeof text);
  result.text = fmt::format("[{}]", text);
  return result;
}

Endpoint endpoint4(const in_addr& host, std::uint16_t port) {
  Endpoint result;
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr = host;
  std::memcpy(&result.storage, &address, sizeof address);
  result.size = sizeof address;
  char text[INET_ADDRSTRLEN] = "";
  ::inet_ntop(AF_INET, &host, text, sizeof text);
  result.text = text;
  return result;
}

Endpoint parse(std::string_view listen) {
  const std::size_t colon = listen.rfind(':');
  std::string host(listen.substr(0, colon == std::string_view::npos ? 0 : colon));
  const std::string_view digits = listen.substr(colon + 1);
  std::uint16_t port = 0;
  const auto [end, code] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  if (colon == std::string_view::npos || code != std::errc() || digits.empty() ||
      end != digits.data() + digits.size())
    throw unusable(listen, "it must be host:port, such as [::]:9786, 127.0.0.1:9786 or :9786");
  in6_addr six{};
  in_addr four{};
  if (host.empty())
    return endpoint6(in6addr_any, port);
  if (host == "localhost")
    host = "127.0.0.1";
  if (host.front() == '[' && host.back() == ']' &&
      ::inet_pton(AF_INET6, host.substr(1, host.size() - 2).c_str(), &six) == 1)
    return endpoint6(six, port);
  if (::inet_pton(AF_INET, host.c_str(), &four) == 1)
    return endpoint4(four, port);
  throw unusable(listen, "the host must be an address (IPv6 in brackets) or localhost");
}

std::uint16_t bound_port(int fd) {
  sockaddr_storage storage{};
  socklen_t size = sizeof storage;
  ::getsockname(fd, reinterpret_cast<sockaddr*>(&storage), &size);
  if (storage.ss_family == AF_INET6)
    return ntohs(reinterpret_cast<const sockaddr_in6*>(&storage)->sin6_port);
  return ntohs(reinterpret_cast<const sockaddr_in*>(&storage)->sin_port);
}

// errno of what failed, or 0.
int try_listen(const Endpoint& endpoint, Listener& listener) {
  const int family = endpoint.storage.ss_family;
  Fd fd(::socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd)
    return errno;
  const int on = 1;
  const int off = 0;
  ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (family == AF_INET6)
    ::setsockopt(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
  if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&endpoint.storage), endpoint.size) != 0 ||
      ::listen(fd.get(), kBacklog) != 0)
    return errno;
  listener.port = bound_port(fd.get());
  listener.address = fmt::format("{}:{}", endpoint.text, listener.port);
  listener.fd = std::move(fd);
  return 0;
}

bool any6(const Endpoint& endpoint) { return endpoint.text == "[::]"; }

bool lacks_ipv6(int code) { return code == EAFNOSUPPORT || code == EADDRNOTAVAIL; }

}  // namespace

Listener listen_on(std::string_view listen) {
  const Endpoint endpoint = parse(listen);
  Listener listener;
  int code = try_listen(endpoint, listener);
  if (any6(endpoint) && lacks_ipv6(code)) {
    const auto* wanted = reinterpret_cast<const sockaddr_in6*>(&endpoint.storage);
    code = try_listen(endpoint4({htonl(INADDR_ANY)}, ntohs(wanted->sin6_port)), listener);
  }
  if (code == 0)
    return listener;
  Error error = unusable(
      listen, code == EADDRINUSE ? "the port is in use" : std::generic_category().message(code));
  if (code == EADDRINUSE)
    error.hint(
        "another process listens there; choose another address with --listen or http.listen");
  throw error;
}

}  // namespace ocisync
