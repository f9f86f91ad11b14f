#pragma once

#include <cstdint>
#include <memory>
#include <random>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "base/error.h"
#include "base/handle.h"
#include "observe/http_server.h"

namespace ocisync {

// The server on a free port below those that the kernel hands out by itself.
inline std::unique_ptr<HttpServer> serve(HttpServer::Handler handler,
                                         HttpServerSettings settings = {},
                                         const std::string& host = "127.0.0.1") {
  std::random_device random;
  for (int tries = 0; tries < 1000; ++tries) {
    settings.listen = host + ":" + std::to_string(20'000 + random() % 12'000);
    try {
      return std::make_unique<HttpServer>(settings, handler);
    } catch (const Error& error) {
      if (error.message().find("in use") == std::string::npos)
        throw;
    }
  }
  throw std::runtime_error("no free port");
}

// A connection to it over 127.0.0.1 or ::1, which gives up after ten seconds.
class Visit {
 public:
  explicit Visit(std::uint16_t port, bool six = false) {
    fd_ = Fd(::socket(six ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const timeval limit{10, 0};
    ::setsockopt(fd_.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    sockaddr_in four{};
    four.sin_family = AF_INET;
    four.sin_port = htons(port);
    four.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    sockaddr_in6 other{};
    other.sin6_family = AF_INET6;
    other.sin6_port = htons(port);
    other.sin6_addr = in6addr_loopback;
    connected_ =
        ::connect(fd_.get(),
                  six ? reinterpret_cast<sockaddr*>(&other) : reinterpret_cast<sockaddr*>(&four),
                  six ? sizeof other : sizeof four) == 0;
  }

  bool connected() const { return connected_; }

  bool send(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t sent = ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0)
        return false;
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
  }

  std::string read(std::size_t most) {
    std::string bytes(most, '\0');
    const ssize_t got = ::recv(fd_.get(), bytes.data(), most, 0);
    bytes.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
    return bytes;
  }

  // All until the server closes.
  std::string rest() {
    std::string all;
    for (std::string part = read(1 << 16); !part.empty(); part = read(1 << 16))
      all += part;
    return all;
  }

 private:
  Fd fd_;
  bool connected_ = false;
};

struct Reply {
  std::string head;
  std::string body;

  int status() const { return head.size() > 12 ? std::atoi(head.c_str() + 9) : 0; }

  bool has(std::string_view line) const {
    return head.find("\r\n" + std::string(line) + "\r\n") != std::string::npos;
  }
};

inline Reply parse_reply(const std::string& text) {
  const std::size_t end = text.find("\r\n\r\n");
  if (end == std::string::npos)
    return {text, ""};
  return {text.substr(0, end + 2), text.substr(end + 4)};
}

// One request on a connection of its own. `more` are whole header lines.
inline Reply ask(std::uint16_t port, const std::string& method, const std::string& target,
                 const std::string& more = "", const std::string& body = "") {
  Visit visit(port);
  visit.send(method + " " + target + " HTTP/1.1\r\nHost: h\r\nConnection: close\r\n" + more +
             (body.empty() ? "" : "Content-Length: " + std::to_string(body.size()) + "\r\n") +
             "\r\n" + body);
  return parse_reply(visit.rest());
}

}  // namespace ocisync
