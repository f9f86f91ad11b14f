#include "registry/error_answer.h"

#include <fmt/format.h>

#include "base/json.h"
#include "base/text.h"
#include "net/retry.h"

namespace ocisync {
namespace {

constexpr std::size_t kWordsLimit = 300;

Reason reason_of(int status) {
  switch (status) {
    case 401:
    case 403:
      return Reason::unauthorized;
    case 404:
    case 410:
      return Reason::not_found;
    case 407:
      return Reason::credentials_invalid;
    case 413:
      return Reason::limit_exceeded;
    case 429:
      return Reason::rate_limited;
    case 501:
      return Reason::unsupported;
    default:
      return retryable_status(status) || status >= 500 ? Reason::unavailable
                                                       : Reason::protocol_violation;
  }
}

std::string joined(std::string_view code, std::string_view message) {
  std::string words(code);
  if (!code.empty() && !message.empty())
    words += ": ";
  words += message;
  return words;
}

std::string_view text_of(const Json& object, std::string_view key) {
  const std::string* text = object.find_string(key);
  return text ? std::string_view(*text) : std::string_view();
}

// The distribution specification's shape first, then what token services answer.
std::string words_of(const Json& body) {
  if (const Json* errors = body.find("errors"); errors && !errors->items().empty()) {
    const Json& first = errors->items().front();
    return joined(text_of(first, "code"), text_of(first, "message"));
  }
  if (!text_of(body, "error").empty())
    return joined(text_of(body, "error"), text_of(body, "error_description"));
  for (const std::string_view key : {"message", "details", "detail"})
    if (!text_of(body, key).empty())
      return std::string(text_of(body, key));
  return {};
}

std::string words_of(const HttpResponse& response, const std::vector<Secret>& secrets) {
  if (response.text.empty())
    return {};
  if (is_web_page(response))
    return "a web page, not a registry's answer";
  try {
    return printable(without_secrets(words_of(Json::parse(response.text)), secrets), kWordsLimit);
  } catch (const Error&) {
    const std::string text = without_secrets(std::string(trim(response.text)), secrets);
    return printable(std::string_view(text).substr(0, text.find('\n')), kWordsLimit);
  }
}

std::string_view hint_of(int status) {
  if (status == 407)
    return "give the proxy's credentials in registries[].proxy.credentials";
  if (status == 413)
    return "a proxy in front of the registry may limit the size of a request: raise its limit "
           "(nginx ingress: proxy-body-size)";
  if (status == 429)
    return "the registry limits how often it may be asked; credentials often raise the limit";
  return {};
}

std::string replace_all(std::string_view text, std::string_view what) {
  std::string result;
  for (auto at = text.find(what); at != std::string_view::npos; at = text.find(what)) {
    result.append(text.substr(0, at)).append("[redacted]");
    text.remove_prefix(at + what.size());
  }
  return result.append(text);
}

}  // namespace

Error answer_error(const HttpResponse& response, const Url& url, std::string_view what,
                   const std::vector<Secret>& secrets) {
  const int status = response.status();
  std::string message = fmt::format("{} answered {} to {}", url.origin().authority(), status, what);
  if (const std::string words = words_of(response, secrets); !words.empty())
    message += fmt::format(" ({})", words);
  const Reason reason = reason_of(status);
  if (reason == Reason::unauthorized)
    message += ": not found or not authorised";
  Error error(reason, std::move(message));
  error.http_status(status);
  if (const std::string_view hint = hint_of(status); !hint.empty())
    error.hint(std::string(hint));
  return error;
}

bool is_web_page(const HttpResponse& response) {
  const std::string* type = response.headers().find("Content-Type");
  if (type && lower(trim(*type)).starts_with("text/html"))
    return true;
  const std::string start = lower(trim(std::string_view(response.text).substr(0, 256)));
  return start.starts_with("<!doctype html") || start.starts_with("<html");
}

Error not_a_registry_answer(const HttpResponse& response, const Url& url, std::string_view detail) {
  const std::string host = url.origin().authority();
  Error error = is_web_page(response)
                    ? Error(Reason::protocol_violation,
                            host + " answered with a web page, not as a registry does")
                    : Error(Reason::protocol_violation, fmt::format("{} {}", host, detail));
  if (is_web_page(response))
    error.hint(
        "a login page or a proxy may stand in between; check the host and the proxy settings");
  error.http_status(response.status());
  return error;
}

std::string without_secrets(std::string text, const std::vector<Secret>& secrets) {
  for (const Secret& secret : secrets) {
    if (secret.empty())
      continue;
    for (const std::string& form :
         {secret.reveal(), base64_encode(secret.reveal()), percent_encode(secret.reveal())})
      text = replace_all(text, form);
  }
  return text;
}

}  // namespace ocisync
