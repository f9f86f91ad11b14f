#include <atomic>

#include "tls_exchange.h"

namespace ocisync {
namespace {

// As much HTTP/2 (RFC 9113) as answering "200 two" to everything takes, for one connection after
// another whose bytes come and go through pipes.
class Http2Answerer {
 public:
  ~Http2Answerer() {
    requests_.input.reset();
    thread_.join();
  }

  int input() const { return answers_.output.get(); }  // what the server is to read

  int output() const { return requests_.input.get(); }  // where it is to write

  int answered() const { return answered_; }

  enum class Fault { reset_stream, go_away };

  // The next request meets it instead of an answer.
  void fail_once(Fault fault) { fault_ = static_cast<int>(fault); }

 private:
  static constexpr std::string_view kPreface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
  static constexpr std::size_t kFrameHead = 9;

  void serve() {
    std::string bytes;
    while (read_until(bytes, kFrameHead)) {
      if (kPreface.starts_with(bytes.substr(0, kFrameHead))) {  // a new connection
        if (!read_until(bytes, kPreface.size()))
          return;
        bytes.erase(0, kPreface.size());
        answers_.write(frame(4, 0, 0, ""));  // our settings
        continue;
      }
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
      answers_.write(frame(4, 1, 0, ""));  // settings acknowledged
    if (type != 1)
      return;
    switch (fault_.exchange(kNone)) {
      case static_cast<int>(Fault::reset_stream):  // INTERNAL_ERROR
        return answers_.write(frame(3, 0, stream, std::string("\0\0\0\2", 4)));
      case static_cast<int>(Fault::go_away):  // no stream was processed, INTERNAL_ERROR
        return answers_.write(frame(7, 0, 0, std::string("\0\0\0\0\0\0\0\2", 8)));
      default:
        break;
    }
    // HEADERS with ":status: 200", then DATA that ends the stream.
    answers_.write(frame(1, 4, stream, "\x88") + frame(0, 1, stream, "two"));
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
    while (bytes.size() < size)
      if (!requests_.read(bytes))
        return false;
    return true;
  }

  Pipe requests_, answers_;
  static constexpr int kNone = -1;
  std::atomic<int> answered_ = 0;
  std::atomic<int> fault_ = kNone;
  std::thread thread_{[this] { serve(); }};
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

TEST_F(Http2Exchange, FailsForOneRequestWhenTheServerGivesUpOnIt) {
  const auto route = trusting("ours");
  EXPECT_EQ(send(ask(route)).text, "two");
  for (const auto fault : {Http2Answerer::Fault::reset_stream, Http2Answerer::Fault::go_away}) {
    answerer_.fail_once(fault);
    EXPECT_EQ(refusal(ask(route)).reason(), Reason::unavailable) << static_cast<int>(fault);
    EXPECT_EQ(send(ask(route)).text, "two") << static_cast<int>(fault);
  }
}

TEST_F(Http2Exchange, IsNotOfferedWhenTheRouteForbidsIt) {
  auto route = trusting("ours");
  route->http2 = false;
  // The server insists on HTTP/2, so the handshake fails for want of a common protocol.
  EXPECT_EQ(refusal(ask(route)).reason(), Reason::tls_failed);
}

}  // namespace
}  // namespace ocisync
