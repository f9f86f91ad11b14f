#include <array>
#include <atomic>

#include <unistd.h>

#include "tls_exchange.h"

namespace ocisync {
namespace {

// As much HTTP/2 (RFC 9113) as answering "200 two" to everything takes, for one connection whose
// bytes come and go through pipes.
class Http2Answerer {
 public:
  Http2Answerer() {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0)
      throw std::runtime_error("no pipe");
    requests_ = Fd(ends[0]);
    requests_end_ = Fd(ends[1]);
    if (::pipe2(ends.data(), O_CLOEXEC) != 0)
      throw std::runtime_error("no pipe");
    answers_end_ = Fd(ends[0]);
    answers_ = Fd(ends[1]);
    thread_ = std::thread([this] { serve(); });
  }

  ~Http2Answerer() {
    requests_end_.reset();
    thread_.join();
  }

  int input() const { return answers_end_.get(); }  // what the server is to read

  int output() const { return requests_end_.get(); }  // where it is to write

  int answered() const { return answered_; }

 private:
  static constexpr std::size_t kPreface = 24;
  static constexpr std::size_t kFrameHead = 9;

  void serve() {
    std::string bytes;
    if (!read_until(bytes, kPreface))
      return;
    bytes.erase(0, kPreface);
    write(frame(4, 0, 0, ""));  // our settings
    while (read_until(bytes, kFrameHead)) {
      const std::size_t length = kFrameHead + number(bytes.substr(0, 3));
      if (!read_until(bytes, length))
        return;
      answer(bytes.substr(0, length));
      bytes.erase(0, length);
    }
  }

  void answer(const std::string& got) {
    const auto type = static_cast<unsigned char>(got[3]);
    const auto flags = static_cast<unsigned char>(got[4]);
    const std::size_t stream = number(got.substr(5, 4));
    if (type == 4 && (flags & 1U) == 0)
      write(frame(4, 1, 0, ""));  // settings acknowledged
    if (type != 1)
      return;
    // HEADERS with ":status: 200", then DATA that ends the stream.
    write(frame(1, 4, stream, "\x88") + frame(0, 1, stream, "two"));
    ++answered_;
  }

  static std::size_t number(const std::string& bytes) {
    std::size_t value = 0;
    for (const char byte : bytes)
      value = value << 8U | static_cast<unsigned char>(byte);
    return value;
  }

  static std::string frame(int type, int flags, std::size_t stream, const std::string& payload) {
    std::string bytes;
    for (const std::size_t part : {payload.size() >> 16U, payload.size() >> 8U, payload.size(),
                                   static_cast<std::size_t>(type), static_cast<std::size_t>(flags),
                                   stream >> 24U, stream >> 16U, stream >> 8U, stream})
      bytes += static_cast<char>(part & 255U);
    return bytes + payload;
  }

  bool read_until(std::string& bytes, std::size_t size) {
    while (bytes.size() < size) {
      std::array<char, 4096> piece{};
      const ssize_t count = ::read(requests_.get(), piece.data(), piece.size());
      if (count <= 0)
        return false;
      bytes.append(piece.data(), static_cast<std::size_t>(count));
    }
    return true;
  }

  void write(const std::string& bytes) {
    if (::write(answers_.get(), bytes.data(), bytes.size()) < 0)
      throw std::runtime_error("the server is gone");
  }

  Fd requests_, requests_end_, answers_, answers_end_;
  std::atomic<int> answered_ = 0;
  std::thread thread_;
};

class Http2Exchange : public TlsExchange {
 protected:
  void SetUp() override {
    // The server undoes TLS and passes the rest on; it serves one connection, and then the next.
    listen({"-quiet", "-alpn", "h2"}, answerer_.input(), answerer_.output());
  }

  void TearDown() override {
    engine_.reset();
    server_.reset();
  }

  Http2Answerer answerer_;
};

TEST_F(Http2Exchange, UsesOneConnectionForEverything) {
  const auto route = trusting("ours");
  for (int i = 0; i < 20; ++i) {
    const HttpResponse response = send(ask(route));
    EXPECT_EQ(response.http_version, 20);
    EXPECT_EQ(response.text, "two");
  }
  std::vector<std::future<HttpResponse>> answers;
  for (int i = 0; i < 100; ++i)
    answers.push_back(send_aside(ask(route)));
  for (auto& answer : answers)
    EXPECT_EQ(answer.get().text, "two");
  EXPECT_EQ(answerer_.answered(), 120);
}

TEST_F(Http2Exchange, IsNotOfferedWhenTheRouteForbidsIt) {
  auto route = trusting("ours");
  route->http2 = false;
  // The server insists on HTTP/2, so the handshake fails for want of a common protocol.
  EXPECT_EQ(refusal(ask(route)).reason(), Reason::tls_failed);
}

}  // namespace
}  // namespace ocisync
