#include "observe/endpoints.h"

#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/json.h"
#include "board_rig.h"
#include "served.h"
#include "support/temp_directory.h"

namespace ocisync {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

class EndpointsTest : public testing::Test {
 protected:
  Reply get(const std::string& target, const std::string& more = "") {
    return ask(server->port(), "GET", target, more);
  }

  Reply post(const std::string& target, const std::string& more = "") {
    return ask(server->port(), "POST", target, more);
  }

  std::filesystem::path write_token(const std::string& text) {
    const auto path = folder.path() / "token";
    std::ofstream(path) << text;
    return path;
  }

  TempDirectory folder;
  BoardRig rig{{"web", "db"}};
  Metrics metrics{rig.board, "0.1.0", "abc"};
  std::atomic<int> syncs = 0;
  std::atomic<int> reloads = 0;
  Endpoints endpoints{{},
                      rig.board,
                      metrics,
                      rig.clock,
                      {.sync = [this] { ++syncs; }, .reload = [this] { ++reloads; }}};
  std::unique_ptr<HttpServer> server =
      serve([this](const ServerRequest& request) { return endpoints.answer(request); });
};

TEST_F(EndpointsTest, ProbesFollowTheBoard) {
  EXPECT_EQ(get("/livez").status(), 200);
  EXPECT_EQ(get("/healthz").body, "ok\n");
  EXPECT_EQ(get("/startupz").status(), 503);
  EXPECT_EQ(get("/readyz").status(), 503);
  rig.attempt("web", success());
  rig.attempt("db", success());
  EXPECT_EQ(get("/startupz").status(), 200);
  EXPECT_EQ(get("/readyz").body, "ok\n");
  rig.board.stop();
  EXPECT_EQ(get("/readyz").status(), 503);
  EXPECT_EQ(get("/readyz").body, "not ok: stopping\n");
  rig.clock.advance(std::chrono::seconds(31));
  EXPECT_EQ(get("/livez").status(), 503);
  EXPECT_EQ(get("/livez").body, "not ok: reconciler: last heartbeat 31000 ms ago\n");
}

TEST_F(EndpointsTest, VerboseNamesEachChart) {
  rig.attempt("web", success());
  rig.attempt("db", failure(Reason::not_found));
  EXPECT_EQ(get("/readyz?verbose").body, "[+] web: 1.0.0 " + digest_of("1.0.0").str() +
                                             "\n[-] db: no export yet: NotFound\nnot ok\n");
  EXPECT_EQ(get("/livez?verbose").body, "[+] reconciler: last heartbeat 0 ms ago\nok\n");
}

TEST_F(EndpointsTest, AShortAnswerNamesAFewCharts) {
  rig.want({"a", "b", "c", "d", "e"});
  EXPECT_EQ(get("/readyz").body,
            "not ok: a: no export yet; b: no export yet; c: no export yet; and 2 more\n");
}

TEST_F(EndpointsTest, StalenessIsASettingThatAReloadMayChange) {
  rig.attempt("web", success());
  rig.attempt("db", success());
  rig.clock.advance(std::chrono::minutes(10));
  EXPECT_EQ(get("/readyz").status(), 200);
  endpoints.set({.max_staleness = std::chrono::minutes(5), .admin_token_file = {}});
  EXPECT_EQ(get("/readyz").status(), 503);
  EXPECT_THAT(get("/readyz").body, HasSubstr("web: stale"));
}

TEST_F(EndpointsTest, ServesMetricsInThePrometheusFormat) {
  const Reply reply = get("/metrics");
  EXPECT_TRUE(reply.has("Content-Type: text/plain; version=0.0.4; charset=utf-8"));
  EXPECT_THAT(reply.body, HasSubstr("ocisync_build_info{version=\"0.1.0\",revision=\"abc\"} 1\n"));
}

TEST_F(EndpointsTest, ServesTheStatusOnceAChange) {
  const Reply first = get("/status", "");
  EXPECT_TRUE(first.has("Content-Type: application/json"));
  const std::size_t at = first.head.find("ETag: ") + 6;
  const std::string tag = first.head.substr(at, first.head.find("\r\n", at) - at);
  EXPECT_EQ(get("/status", "If-None-Match: " + tag + "\r\n").status(), 304);
  rig.attempt("web", success());
  EXPECT_EQ(get("/status", "If-None-Match: " + tag + "\r\n").status(), 200);
}

TEST_F(EndpointsTest, WithoutThePageTheStatusHasNoDetail) {
  endpoints.set({.page = false, .admin_token_file = {}});
  EXPECT_EQ(get("/").status(), 404);
  EXPECT_EQ(get("/page.js").status(), 404);
  EXPECT_THAT(get("/status").body, AllOf(HasSubstr("\"charts\":2"), Not(HasSubstr("\"web\""))));
}

TEST_F(EndpointsTest, ThePageMayLoadItsOwnFilesOnly) {
  const Reply page = get("/");
  EXPECT_TRUE(page.has("Content-Type: text/html; charset=utf-8"));
  EXPECT_THAT(page.head, HasSubstr("default-src 'none'; script-src 'self'; style-src 'self'"));
  EXPECT_THAT(page.head, Not(HasSubstr("unsafe")));
  EXPECT_THAT(page.body, Not(testing::ContainsRegex("https?://")));
  EXPECT_THAT(page.body, Not(testing::ContainsRegex("<script>|<style| on[a-z]+=| style=")));
  for (const char* file : {"/page.js", "/page.css", "/icon.svg"})
    EXPECT_EQ(get(file).status(), 200) << file;
}

TEST_F(EndpointsTest, UnknownPathsAreNotFound) {
  for (const char* target : {"/nothing", "/livez/", "//livez", "/../etc/passwd",
                             "/%2e%2e/%2e%2e/etc/passwd", "/page.html", "/-/sync", "/-/reload"}) {
    const Reply reply = get(target);
    EXPECT_EQ(reply.status(), 404) << target;
    EXPECT_THAT(reply.body, StartsWith("404 not found"));
  }
  EXPECT_EQ(post("/-/sync").status(), 404) << "there is no admin token";
}

TEST_F(EndpointsTest, NothingButReadingIsAllowedToAnyone) {
  for (const char* method : {"POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "BREW"})
    for (const char* target : {"/livez", "/metrics", "/status", "/", "/page.js"}) {
      const Reply reply = ask(server->port(), method, target);
      EXPECT_EQ(reply.status(), 405) << method << target;
      EXPECT_TRUE(reply.has("Allow: GET, HEAD"));
      EXPECT_EQ(reply.body, "405 GET, HEAD only\n");
    }
}

TEST_F(EndpointsTest, TheAdminTokenOpensTheTwoPosts) {
  endpoints.set({.admin_token_file = write_token("open-sesame\n")});
  EXPECT_EQ(get("/-/sync").status(), 405);
  for (const char* wrong :
       {"", "Authorization: Bearer\r\n", "Authorization: Bearer \r\n",
        "Authorization: Bearer wrong\r\n", "Authorization: Bearer open-sesame2\r\n",
        "Authorization: Bearer open-sesam\r\n", "Authorization: Basic open-sesame\r\n",
        "Authorization: open-sesame\r\n"}) {
    const Reply reply = post("/-/sync", wrong);
    EXPECT_EQ(reply.status(), 401) << wrong;
    EXPECT_TRUE(reply.has("WWW-Authenticate: Bearer realm=\"ocisync\""));
  }
  EXPECT_EQ(post("/-/sync?token=open-sesame").status(), 401);
  EXPECT_EQ(syncs, 0);
  EXPECT_EQ(post("/-/sync", "Authorization: Bearer open-sesame\r\n").status(), 202);
  EXPECT_EQ(post("/-/reload", "Authorization: bearer open-sesame\r\n").status(), 202);
  EXPECT_EQ(syncs, 1);
  EXPECT_EQ(reloads, 1);
}

TEST_F(EndpointsTest, ATokenThatChangedCountsAtOnce) {
  endpoints.set({.admin_token_file = write_token("old")});
  EXPECT_EQ(post("/-/sync", "Authorization: Bearer old\r\n").status(), 202);
  write_token("new");
  EXPECT_EQ(post("/-/sync", "Authorization: Bearer old\r\n").status(), 401);
  EXPECT_EQ(post("/-/sync", "Authorization: Bearer new\r\n").status(), 202);
}

TEST_F(EndpointsTest, WithoutAReadableTokenNobodyIsAdmitted) {
  endpoints.set({.admin_token_file = write_token(" \n")});
  EXPECT_EQ(post("/-/sync", "Authorization: Bearer \r\n").status(), 503);
  endpoints.set({.admin_token_file = folder.path() / "missing"});
  const Reply reply = post("/-/sync", "Authorization: Bearer x\r\n");
  EXPECT_EQ(reply.status(), 503);
  EXPECT_THAT(reply.body, Not(HasSubstr(folder.path().string())));
  EXPECT_EQ(syncs, 0);
}

}  // namespace
}  // namespace ocisync
