#include "registry/token_service.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/error.h"
#include "base/json.h"
#include "base/text.h"
#include "net/retry.h"
#include "registry/error_answer.h"
#include "registry/redirect.h"

namespace ocisync {
namespace {

constexpr std::string_view kClientId = "ocisync";
constexpr std::uint64_t kMaxAnswer = 128 * 1024;
constexpr int kMaxHops = 3;

HttpRequest request_to(Method method, const Url& url, const TokenQuestion& question) {
  const Realm& realm = question.realm;
  return {
      method,           url, realm.route, {}, realm.addresses, {}, {}, kMaxAnswer, question.timeout,
      question.timeout, {}};
}

HttpRequest get_request(const TokenQuestion& question) {
  Url url = question.realm.url;
  if (!question.service.empty())
    url = url.with_query("service", question.service);
  for (const std::string& scope : question.scopes)
    if (!scope.empty())  // a login opens nothing yet
      url = url.with_query("scope", scope);
  const Credential& credential = question.credential;
  if (credential.kind == Credential::Kind::basic)
    url = url.with_query("account", credential.username);
  HttpRequest request = request_to(Method::get, url.with_query("client_id", kClientId), question);
  if (credential.kind == Credential::Kind::basic)
    request.headers.add("Authorization", "Basic " + base64_encode(credential.username + ":" +
                                                                  credential.secret.reveal()));
  return request;
}

HttpRequest post_request(const TokenQuestion& question) {
  std::string scope;
  for (const std::string& one : question.scopes)
    scope += (scope.empty() ? "" : " ") + one;
  HttpRequest request = request_to(Method::post, question.realm.url, question);
  request.headers.add("Content-Type", "application/x-www-form-urlencoded");
  request.body =
      fmt::format("grant_type=refresh_token&service={}&client_id={}&scope={}&refresh_token={}",
                  percent_encode(question.service), kClientId, percent_encode(scope),
                  percent_encode(question.credential.secret.reveal()));
  return request;
}

HttpResponse send(const TokenQuestion& question, HttpClient& http, std::stop_token stop) {
  const bool refresh = question.credential.kind == Credential::Kind::identity_token;
  const bool secret = question.credential.kind != Credential::Kind::anonymous;
  HttpRequest request = refresh ? post_request(question) : get_request(question);
  request.headers.add("Accept", "application/json");
  for (int hop = 0;; ++hop) {
    HttpResponse response = http.send(request, stop);
    if (!is_redirect(response.status()))
      return response;
    const std::string* location = response.headers().find("Location");
    const auto target = location ? request.url.resolve(trim(*location)) : std::nullopt;
    if (secret || hop == kMaxHops || !target || target->origin() != request.url.origin())
      throw Error(Reason::policy_refused,
                  fmt::format("the token service {} redirects, which is not followed",
                              request.url.origin().authority()));
    request.url = *target;
  }
}

Error refusal(const TokenQuestion& question, const HttpResponse& response, const Clock& clock) {
  Error error = answer_error(response, question.realm.url, "a token request",
                             secrets_in(question.credential));
  const std::string* after = response.headers().find("Retry-After");
  const auto wait = after ? retry_after(*after, clock.wall()) : std::nullopt;
  if (wait && retryable_status(response.status()))
    error.not_before(clock.steady() + *wait);
  return error;
}

bool fits_a_header(const std::string& token) {
  return !token.empty() &&
         std::all_of(token.begin(), token.end(), [](char c) { return c > ' ' && c < '\x7f'; });
}

Duration lifetime_of(const Json& answer) {
  const Json* given = answer.find("expires_in");
  const double seconds = given ? given->number().value_or(0) : 0;
  return std::chrono::seconds(static_cast<std::int64_t>(std::clamp(seconds, 60.0, 86'400.0)));
}

}  // namespace

Token parse_token(std::string_view body) {
  const auto unusable = [](std::string_view why) {
    return Error(Reason::protocol_violation, fmt::format("the token service's answer {}", why));
  };
  Json answer;
  try {
    answer = Json::parse(body);
  } catch (const Error&) {
    throw unusable("is not JSON");
  }
  for (const std::string_view name : {"token", "access_token"}) {
    const Json* field = answer.find(name);
    if (!field || field->is_null() || (field->string() && field->string()->empty()))
      continue;
    if (!field->string() || !fits_a_header(*field->string()))
      throw unusable("holds a token that no header can carry");
    return {Secret(*field->string()), lifetime_of(answer)};
  }
  throw unusable("holds no token");
}

Token ask_token_service(const TokenQuestion& question, HttpClient& http, const Clock& clock,
                        std::stop_token stop) {
  const auto describe = [&] {
    return "asking the token service " + question.realm.url.origin().authority();
  };
  return during(describe, [&] {
    const HttpResponse response = send(question, http, stop);
    if (response.status() != 200)
      throw refusal(question, response, clock);
    if (is_web_page(response))
      throw not_a_registry_answer(response, question.realm.url, "");
    return parse_token(response.text);
  });
}

}  // namespace ocisync
