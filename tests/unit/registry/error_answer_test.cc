#include "registry/error_answer.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "support/failure.h"

namespace ocisync {
namespace {

HttpResponse answer(int status, std::string text, std::string type = "application/json") {
  HttpResponse response;
  response.head.status = status;
  response.head.headers.add("Content-Type", std::move(type));
  response.text = std::move(text);
  return response;
}

const Url kUrl = *Url::parse("https://registry.example.com:5000/v2/a/manifests/1?sig=hidden");

TEST(ErrorAnswer, TellsTheRegistrysOwnWords) {
  const Error error = answer_error(
      answer(404, R"({"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown"}]})"), kUrl,
      "the manifest a:1", {});
  EXPECT_EQ(error.reason(), Reason::not_found);
  EXPECT_EQ(error.http_status(), 404);
  EXPECT_STREQ(
      error.what(),
      "registry.example.com:5000 answered 404 to the manifest a:1 (MANIFEST_UNKNOWN: manifest "
      "unknown)");
}

TEST(ErrorAnswer, ReadsEveryShapeOfWords) {
  struct Row {
    std::string_view body, words;
  };

  const Row rows[] = {
      {R"({"errors":[{"code":"DENIED","message":"no"}]})", "(DENIED: no)"},
      {R"({"errors":[{"code":"DENIED"}]})", "(DENIED)"},
      {R"({"errors":[{"message":"no"}]})", "(no)"},
      {R"({"error":"invalid_grant","error_description":"expired"})", "(invalid_grant: expired)"},
      {R"({"details":"too many"})", "(too many)"},
      {R"({"message":"go away"})", "(go away)"},
      {"plain words\nsecond line", "(plain words)"},
      {"<html><body>Sign in</body></html>", "(a web page, not a registry's answer)"},
  };
  for (const Row& row : rows)
    EXPECT_NE(
        answer_error(answer(400, std::string(row.body)), kUrl, "x", {}).message().find(row.words),
        std::string::npos)
        << row.body;
}

TEST(ErrorAnswer, SurvivesUnreadableBodies) {
  for (const std::string_view body : {"", "{", "[]", "null", "{\"errors\":{}}", "{\"errors\":[1]}",
                                      "{\"errors\":[]}", "\xff\xfe"})
    EXPECT_EQ(answer_error(answer(500, std::string(body)), kUrl, "x", {}).reason(),
              Reason::unavailable);
}

TEST(ErrorAnswer, EscapesWhatATerminalWouldObey) {
  const Error error = answer_error(
      answer(400, R"({"errors":[{"code":"A","message":"\u001b[31mred\r\nX: y"}]})"), kUrl, "x", {});
  EXPECT_EQ(error.message().find('\x1b'), std::string::npos);
  EXPECT_EQ(error.message().find('\n'), std::string::npos);
  EXPECT_NE(error.message().find("\\x1b[31mred"), std::string::npos);
}

TEST(ErrorAnswer, NamesTheReasonByStatus) {
  const std::pair<int, Reason> rows[] = {
      {400, Reason::protocol_violation}, {401, Reason::unauthorized},
      {403, Reason::unauthorized},       {404, Reason::not_found},
      {405, Reason::protocol_violation}, {407, Reason::credentials_invalid},
      {408, Reason::unavailable},        {410, Reason::not_found},
      {413, Reason::limit_exceeded},     {418, Reason::protocol_violation},
      {421, Reason::unavailable},        {429, Reason::rate_limited},
      {500, Reason::unavailable},        {501, Reason::unsupported},
      {503, Reason::unavailable},        {599, Reason::unavailable},
      {304, Reason::protocol_violation},
  };
  for (const auto& [status, reason] : rows)
    EXPECT_EQ(answer_error(answer(status, ""), kUrl, "x", {}).reason(), reason) << status;
}

TEST(ErrorAnswer, NeverClaimsToKnowWhetherSomethingIsMissingOrForbidden) {
  EXPECT_NE(
      answer_error(answer(403, ""), kUrl, "x", {}).message().find("not found or not authorised"),
      std::string::npos);
}

TEST(ErrorAnswer, TakesSecretsOutOfWhatAServerEchoes) {
  const std::string text =
      without_secrets("a hunter2 b aHVudGVyMg== c hunter2", {Secret("hunter2"), Secret("")});
  EXPECT_EQ(text, "a [redacted] b [redacted] c [redacted]");
  EXPECT_EQ(without_secrets("refresh_token=p%26w%2F", {Secret("p&w/")}),
            "refresh_token=[redacted]");
}

TEST(ErrorAnswer, KnowsASecretHoweverJsonSpellsIt) {
  for (const std::string_view spelled :
       {R"(p\u0026\"w\/\\1)", R"(\u0070&\"w/\\1)", R"(p\u0026\u0022w\u002f\u005c1)"}) {
    const Error error = answer_error(
        answer(400, fmt::format(R"({{"errors":[{{"message":"you sent {}"}}]}})", spelled)), kUrl,
        "x", {Secret(R"(p&"w/\1)")});
    EXPECT_NE(error.message().find("(you sent [redacted])"), std::string::npos) << error.what();
  }
}

}  // namespace
}  // namespace ocisync
