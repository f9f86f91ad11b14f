#pragma once

#include <algorithm>
#include <charconv>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <random>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "base/handle.h"
#include "base/text.h"

namespace ocisync {

// An HTTP server on 127.0.0.1 that says, byte by byte, what the test's script writes: so it can
// lie, stall, and hang up. The script runs once a request, on a thread of that request's
// connection.
class LoopbackServer {
 public:
  struct Request {
    std::string method;
    std::string target;
    std::string head;  // request line and header lines, as sent
    std::string body;
    std::size_t connection = 0;  // counted from 0 in order of arrival

    bool has_line(std::string_view line) const {
      return head.find("\r\n" + std::string(line) + "\r\n") != std::string::npos;
    }
  };

  // One request and the means to answer it.
  class Exchange {
   public:
    const Request& request() const { return request_; }

    // False when the client is gone.
    bool send(std::string_view bytes) {
      while (!bytes.empty()) {
        const ssize_t sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (sent <= 0)
          return false;
        bytes.remove_prefix(static_cast<std::size_t>(sent));
      }
      return true;
    }

    void pause(std::chrono::milliseconds time) { std::this_thread::sleep_for(time); }

    void hang() { server_.wait_for_release(); }  // until release() or the server's end

    void close() { open_ = false; }  // after the script returns

    // Reads on until the client hangs up.
    void wait_for_hangup() {
      char byte = 0;
      while (::recv(fd_, &byte, 1, 0) > 0) {
      }
    }

   private:
    friend class LoopbackServer;

    Exchange(LoopbackServer& server, int fd, Request request)
        : server_(server), fd_(fd), request_(std::move(request)) {}

    LoopbackServer& server_;
    int fd_;
    Request request_;
    bool open_ = true;
  };

  using Script = std::function<void(Exchange&)>;

  // `greeting` is sent to whoever connects, before anything was asked.
  explicit LoopbackServer(Script script, std::string greeting = "")
      : script_(std::move(script)), greeting_(std::move(greeting)) {
    listen();
    acceptor_ = std::thread([this] { accept_all(); });
  }

  ~LoopbackServer() {
    ::shutdown(listener_.get(), SHUT_RDWR);
    acceptor_.join();
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
      for (const int fd : open_)
        ::shutdown(fd, SHUT_RDWR);
    }
    changed_.notify_all();
    for (std::thread& connection : threads_)
      connection.join();
  }

  LoopbackServer(const LoopbackServer&) = delete;
  LoopbackServer& operator=(const LoopbackServer&) = delete;

  std::uint16_t port() const { return port_; }

  std::string url(std::string_view target = "/") const {
    return "http://127.0.0.1:" + std::to_string(port_) + std::string(target);
  }

  std::size_t connections() const {
    const std::lock_guard lock(mutex_);
    return threads_.size();
  }

  std::size_t busiest() const {  // scripts at one time
    const std::lock_guard lock(mutex_);
    return busiest_;
  }

  std::vector<Request> requests() const {
    const std::lock_guard lock(mutex_);
    return requests_;
  }

  void release() {
    {
      const std::lock_guard lock(mutex_);
      released_ = true;
    }
    changed_.notify_all();
  }

  // Blocks until that many requests were read.
  void wait_for_requests(std::size_t count) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return requests_.size() >= count; });
  }

  static std::string answer(int status, std::string_view body, std::string_view headers = "") {
    return "HTTP/1.1 " + std::to_string(status) + " Said\r\n" + std::string(headers) +
           "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + std::string(body);
  }

 private:
  // Below the range that the kernel hands out by itself.
  void listen() {
    std::random_device random;
    for (int tries = 0; tries < 1000; ++tries) {
      listener_ = Fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
      const auto port = static_cast<std::uint16_t>(20'000 + random() % 12'000);
      sockaddr_in address{};
      address.sin_family = AF_INET;
      address.sin_port = htons(port);
      address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
      if (::bind(listener_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0 &&
          ::listen(listener_.get(), 256) == 0) {
        port_ = port;
        return;
      }
    }
    throw std::runtime_error("no free port");
  }

  void accept_all() {
    while (true) {
      const int fd = ::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC);
      if (fd < 0)
        return;
      const int on = 1;
      ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
      const std::lock_guard lock(mutex_);
      open_.push_back(fd);
      const std::size_t number = threads_.size();
      threads_.emplace_back([this, fd, number] { serve(fd, number); });
    }
  }

  void serve(int fd, std::size_t number) {
    ::send(fd, greeting_.data(), greeting_.size(), MSG_NOSIGNAL);
    std::string buffer;
    Request request;
    bool open = true;
    while (open && read_request(fd, buffer, request)) {
      request.connection = number;
      Exchange exchange(*this, fd, request);
      begin(exchange.request());
      script_(exchange);
      open = exchange.open_;
      const std::lock_guard lock(mutex_);
      --busy_;
    }
    const std::lock_guard lock(mutex_);
    std::erase(open_, fd);
    ::close(fd);
  }

  void begin(const Request& request) {
    {
      const std::lock_guard lock(mutex_);
      requests_.push_back(request);
      busiest_ = std::max(busiest_, ++busy_);
    }
    changed_.notify_all();
  }

  static bool receive(int fd, std::string& buffer) {
    char bytes[16 * 1024];
    const ssize_t count = ::recv(fd, bytes, sizeof bytes, 0);
    if (count <= 0)
      return false;
    buffer.append(bytes, static_cast<std::size_t>(count));
    return true;
  }

  static bool read_request(int fd, std::string& buffer, Request& request) {
    std::size_t end = 0;
    while ((end = buffer.find("\r\n\r\n")) == std::string::npos)
      if (!receive(fd, buffer))
        return false;
    request.head = buffer.substr(0, end + 2);
    buffer.erase(0, end + 4);
    const std::size_t length = content_length(request.head);
    while (buffer.size() < length)
      if (!receive(fd, buffer))
        return false;
    request.body = buffer.substr(0, length);
    buffer.erase(0, length);
    const std::string_view line(request.head.data(), request.head.find("\r\n"));
    const auto words = split(line, ' ');
    request.method = words.at(0);
    request.target = words.at(1);
    return true;
  }

  static std::size_t content_length(std::string_view head) {
    constexpr std::string_view kName = "\r\nContent-Length: ";
    const std::size_t at = head.find(kName);
    std::size_t length = 0;
    if (at != std::string_view::npos)
      std::from_chars(head.data() + at + kName.size(), head.data() + head.size(), length);
    return length;
  }

  void wait_for_release() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return released_ || stopping_; });
  }

  Script script_;
  std::string greeting_;
  Fd listener_;
  std::uint16_t port_ = 0;
  std::thread acceptor_;

  mutable std::mutex mutex_;  // guards all below
  std::condition_variable changed_;
  std::vector<std::thread> threads_;
  std::vector<int> open_;
  std::vector<Request> requests_;
  std::size_t busy_ = 0;
  std::size_t busiest_ = 0;
  bool released_ = false;
  bool stopping_ = false;
};

}  // namespace ocisync
