#pragma once

#include <array>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include "exchange_test.h"

extern char** environ;

namespace ocisync {

// A process that is ended with its owner.
class Child {
 public:
  // What it says goes to the file; what it reads and writes may be pipes of the caller's.
  Child(const std::vector<std::string>& words, const std::filesystem::path& said, int input = -1,
        int output = -1) {
    std::vector<char*> arguments;
    for (const std::string& word : words)
      arguments.push_back(const_cast<char*>(word.c_str()));
    arguments.push_back(nullptr);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 2, said.c_str(), O_WRONLY | O_CREAT, 0600);
    if (input >= 0)
      posix_spawn_file_actions_adddup2(&actions, input, 0);
    else
      posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, output >= 0 ? output : 2, 1);
    const int code =
        posix_spawnp(&pid_, arguments[0], &actions, nullptr, arguments.data(), environ);
    posix_spawn_file_actions_destroy(&actions);
    if (code != 0)
      throw std::runtime_error("cannot start " + words.at(0));
  }

  ~Child() {
    if (pid_ > 0) {
      ::kill(pid_, SIGKILL);
      wait();
    }
  }

  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  int wait() {
    int status = 0;
    ::waitpid(std::exchange(pid_, -1), &status, 0);
    return status;
  }

 private:
  pid_t pid_ = -1;
};

struct Pipe {
  Pipe() {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0)
      throw std::runtime_error("no pipe");
    output = Fd(ends[0]);
    input = Fd(ends[1]);
  }

  void write(std::string_view bytes) const {
    if (::write(input.get(), bytes.data(), bytes.size()) < 0)
      throw std::runtime_error("nobody reads the pipe");
  }

  // Appends what comes next; false at the end.
  bool read(std::string& bytes) const {
    std::array<char, 4096> piece{};
    const ssize_t count = ::read(output.get(), piece.data(), piece.size());
    if (count > 0)
      bytes.append(piece.data(), static_cast<std::size_t>(count));
    return count > 0;
  }

  Fd output;  // read from
  Fd input;   // written to
};

// Certificates of two authorities, made once for all tests here, and a TLS server that shows a page
// about the connection.
class TlsExchange : public ExchangeTest {
 protected:
  static void SetUpTestSuite() {
    std::string name = (std::filesystem::temp_directory_path() / "ocisync-tls-XXXXXX").string();
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    directory_ = name;
    make_authority("ours");
    make_authority("theirs");
    issue("server", "127.0.0.1");
    issue("client", "client.example");
  }

  static void TearDownTestSuite() { std::filesystem::remove_all(directory_); }

  static std::string path(const std::string& name) { return (directory_ / name).string(); }

  static std::string contents(const std::string& name) {
    std::ifstream file(path(name));
    return {std::istreambuf_iterator<char>(file), {}};
  }

  static void openssl(std::vector<std::string> words) {
    words.insert(words.begin(), "openssl");
    Child child(words, path("openssl.log"));
    ASSERT_EQ(child.wait(), 0) << contents("openssl.log");
  }

  static std::vector<std::string> new_key(const std::string& name) {
    return {
        "req",     "-newkey",           "ec",    "-pkeyopt",   "ec_paramgen_curve:P-256", "-nodes",
        "-keyout", path(name + ".key"), "-subj", "/CN=" + name};
  }

  static void make_authority(const std::string& name) {
    auto words = new_key(name);
    words.insert(words.end(), {"-x509", "-days", "2", "-out", path(name + ".pem")});
    openssl(words);
  }

  static void issue(const std::string& name, const std::string& host) {
    auto words = new_key(name);
    words.insert(words.end(), {"-out", path(name + ".csr")});
    openssl(words);
    std::ofstream(path("names.txt"))
        << "subjectAltName=" << (name == "server" ? "IP:" : "DNS:") << host << "\n";
    openssl({"x509", "-req", "-in", path(name + ".csr"), "-CA", path("ours.pem"), "-CAkey",
             path("ours.key"), "-CAcreateserial", "-days", "2", "-extfile", path("names.txt"),
             "-out", path(name + ".pem")});
  }

  // A server that shows a page about the connection.
  void start_server(const std::vector<std::string>& more = {}) {
    std::vector<std::string> words = {"-www"};
    words.insert(words.end(), more.begin(), more.end());
    listen(words, -1, -1);
  }

  // On a port that was free a moment ago; returns once it listens.
  void listen(const std::vector<std::string>& more, int input, int output) {
    port_ = LoopbackServer([](Exchange&) {}).port();
    std::vector<std::string> words = {
        "openssl", "s_server",         "-accept", std::to_string(port_), "-4",
        "-cert",   path("server.pem"), "-key",    path("server.key")};
    words.insert(words.end(), more.begin(), more.end());
    server_.emplace(words, path("server.log"), input, output);
    while (!listening())
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }

  bool listening() const {
    const Fd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port_);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return ::connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
  }

  static std::shared_ptr<Route> trusting(const std::string& authority) {
    auto route = plain_route();
    route->ca_pem = contents(authority + ".pem");
    return route;
  }

  HttpRequest ask(const std::shared_ptr<Route>& route,
                  const std::string& host = "127.0.0.1") const {
    HttpRequest request = get("https://" + host + ":" + std::to_string(port_) + "/", route);
    request.text_limit = 1 << 20;
    return request;
  }

  static inline std::filesystem::path directory_;
  std::uint16_t port_ = 0;
  std::optional<Child> server_;
};

}  // namespace ocisync
