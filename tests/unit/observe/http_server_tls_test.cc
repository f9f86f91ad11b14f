#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/process.h"
#include "served.h"
#include "support/expect_error.h"
#include "support/temp_directory.h"

namespace ocisync {
namespace {

using testing::HasSubstr;

// A server with a certificate, asked by curl.
class HttpServerTls : public testing::Test {
 protected:
  static ProcessResult run(std::vector<std::string> command) {
    return run_process({.command = std::move(command),
                        .input = "",
                        .environment = {"PATH=/usr/bin:/bin", "HOME=/nonexistent"}},
                       [] { return false; });
  }

  std::string path(const std::string& name) const { return (folder.path() / name).string(); }

  // A certificate for 127.0.0.1 that signs itself, with its key.
  void issue(const std::string& name) const {
    const ProcessResult result = run({"openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                                      "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj",
                                      "/CN=" + name, "-addext", "subjectAltName=IP:127.0.0.1",
                                      "-keyout", path(name + ".key"), "-out", path(name + ".pem")});
    ASSERT_EQ(result.exit_code, 0) << result.error_output;
  }

  void install(const std::string& name) const {
    const auto how = std::filesystem::copy_options::overwrite_existing;
    std::filesystem::copy_file(path(name + ".pem"), path("tls.crt"), how);
    std::filesystem::copy_file(path(name + ".key"), path("tls.key"), how);
  }

  std::unique_ptr<HttpServer> start() const {
    HttpServerSettings settings;
    settings.tls = {path("tls.crt"), path("tls.key")};
    return serve(
        [](const ServerRequest& request) {
          ServerAnswer answer;
          answer.body = request.path + "\n";
          return answer;
        },
        settings);
  }

  // curl's exit code and output; 60: it does not trust the certificate, 35: no common ground.
  std::string curl(const HttpServer& server, const std::string& trust,
                   std::vector<std::string> more = {}) const {
    more.insert(more.begin(), {"curl", "--silent", "--cacert", path(trust + ".pem"),
                               "https://127.0.0.1:" + std::to_string(server.port()) + "/hello"});
    const ProcessResult result = run(more);
    return std::to_string(result.exit_code) + " " + result.output;
  }

  TempDirectory folder;
};

TEST_F(HttpServerTls, ShowsItsCertificateAndNothingInTheClear) {
  issue("one");
  issue("two");
  install("one");
  const auto server = start();
  EXPECT_EQ(curl(*server, "one"), "0 /hello\n");
  EXPECT_EQ(curl(*server, "two"), "60 ");
  EXPECT_EQ(ask(server->port(), "GET", "/hello").head, "");
}

TEST_F(HttpServerTls, SpeaksNothingOlderThanTls12) {
  issue("one");
  install("one");
  const auto server = start();
  EXPECT_EQ(curl(*server, "one", {"--tls-max", "1.2"}), "0 /hello\n");
  EXPECT_EQ(curl(*server, "one", {"--tls-max", "1.1", "--ciphers", "DEFAULT@SECLEVEL=0"}), "35 ");
}

TEST_F(HttpServerTls, ANewCertificateTakesOverWithoutARestart) {
  issue("one");
  issue("two");
  install("one");
  const auto server = start();
  install("two");
  EXPECT_EQ(curl(*server, "one"), "0 /hello\n");
  server->reload_tls();
  EXPECT_EQ(curl(*server, "one"), "60 ");
  EXPECT_EQ(curl(*server, "two"), "0 /hello\n");
}

TEST_F(HttpServerTls, ACertificateThatDoesNotFitLeavesTheOldOneInPlace) {
  issue("one");
  issue("two");
  install("one");
  const auto server = start();
  std::filesystem::copy_file(path("two.key"), path("tls.key"),
                             std::filesystem::copy_options::overwrite_existing);
  const auto error = error_of([&] { server->reload_tls(); });
  EXPECT_EQ(error->reason(), Reason::usage_invalid);
  EXPECT_THAT(error->message(), HasSubstr(path("tls.key")));
  EXPECT_EQ(curl(*server, "one"), "0 /hello\n");
  std::filesystem::remove(path("tls.crt"));
  EXPECT_THAT(error_of([&] { server->reload_tls(); })->message(), HasSubstr("does not exist"));
  EXPECT_EQ(curl(*server, "one"), "0 /hello\n");
}

TEST_F(HttpServerTls, DoesNotStartWithoutThem) {
  EXPECT_THAT(error_of([&] { start(); })->message(), HasSubstr("http.tls.certFile"));
  std::ofstream(path("tls.crt")) << "nonsense";
  std::ofstream(path("tls.key")) << "nonsense";
  EXPECT_THAT(error_of([&] { start(); })->message(), HasSubstr("no certificate and key that fit"));
}

TEST_F(HttpServerTls, HandshakesThatNeverEndSilenceNobody) {
  issue("one");
  install("one");
  const auto server = start();
  std::vector<std::unique_ptr<Visit>> idle;
  for (int i = 0; i < 300; ++i) {
    idle.push_back(std::make_unique<Visit>(server->port()));
    idle.back()->send(std::string_view("\x16\x03\x01\x02\x00\x01", 6));
  }
  EXPECT_EQ(curl(*server, "one"), "0 /hello\n");
}

}  // namespace
}  // namespace ocisync
