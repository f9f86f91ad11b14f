#include "net/url.h"

#include <algorithm>
#include <charconv>

#include <curl/curl.h>
#include <fmt/format.h>

#include "base/handle.h"
#include "base/text.h"

namespace ocisync {
namespace {

using CurlUrl = Owner<CURLU, &curl_url_cleanup>;

constexpr std::size_t kLongestUrl = 16 * 1024;
constexpr std::size_t kLongestHost = 253;  // RFC 1035 section 2.3.4, as text

std::optional<std::string> part(CURLU* url, CURLUPart which, unsigned flags = 0) {
  char* text = nullptr;
  if (curl_url_get(url, which, &text, flags) != CURLUE_OK)
    return std::nullopt;
  const Owner<char, &curl_free> owner(text);
  return std::string(text);
}

// What is wrong with the text before any parser sees it. Parsers disagree about backslashes, odd
// numbers of slashes and raw bytes, and such disagreement is what redirect tricks live from.
std::optional<std::string_view> complaint(std::string_view text) {
  if (text.empty())
    return "it is empty";
  if (text.size() > kLongestUrl)
    return "it is too long";
  const bool plain = std::all_of(text.begin(), text.end(),
                                 [](char c) { return c > ' ' && c < '\x7f' && c != '\\'; });
  if (!plain)
    return "it has a byte that a URL cannot have";
  const std::size_t colon = text.find(':');
  const bool absolute = colon < text.find_first_of("/?#");
  const std::string_view rest = absolute ? text.substr(colon + 1) : text;
  const std::size_t slashes = std::min(rest.find_first_not_of('/'), rest.size());
  if (absolute ? slashes != 2 : slashes > 2)
    return "it has an odd number of slashes";
  return std::nullopt;
}

std::optional<std::string_view> host_complaint(std::string_view host) {
  if (host.empty())
    return "it has no host";
  if (host.size() > kLongestHost)
    return "its host is too long";
  const bool literal = host.front() == '[';
  const std::string_view allowed =
      literal ? "0123456789abcdef:.[]" : "abcdefghijklmnopqrstuvwxyz0123456789-._";
  if (host.find_first_not_of(allowed) != std::string_view::npos)
    return "its host has a character that a host name cannot have";
  return std::nullopt;
}

std::optional<std::uint16_t> port_of(CURLU* url) {
  const std::string text = part(url, CURLUPART_PORT, CURLU_DEFAULT_PORT).value_or("");
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (error != std::errc{} || port == 0)
    return std::nullopt;
  return port;
}

// Collects the reason of a refusal for a caller who may not want it.
class Refusal {
 public:
  explicit Refusal(std::string* why) : why_(why) {}

  std::nullopt_t operator()(std::string_view reason) const {
    if (why_ != nullptr)
      *why_ = reason;
    return std::nullopt;
  }

 private:
  std::string* why_;
};

std::string_view refusal_text(CURLUcode code) {
  if (code == CURLUE_USER_NOT_ALLOWED)
    return "it has a user name in it";
  if (code == CURLUE_UNSUPPORTED_SCHEME)
    return "its scheme is neither http nor https";
  return "it is not an absolute URL";
}

std::optional<Origin> origin_of(CURLU* url, const Refusal& refuse) {
  Origin origin;
  origin.scheme = lower(part(url, CURLUPART_SCHEME).value_or(""));
  if (origin.scheme != "http" && origin.scheme != "https")
    return refuse("its scheme is neither http nor https");
  if (part(url, CURLUPART_ZONEID))
    return refuse("its address has a zone");
  origin.host = lower(part(url, CURLUPART_HOST).value_or(""));
  if (const auto wrong = host_complaint(origin.host))
    return refuse(*wrong);
  const auto port = port_of(url);
  if (!port)
    return refuse("its port is not between 1 and 65535");
  origin.port = *port;
  return origin;
}

std::string hide_value(std::string_view parameter) {
  const std::size_t equals = parameter.find('=');
  // Without "=" the whole of it may be the secret.
  return equals == std::string_view::npos ? "…" : std::string(parameter.substr(0, equals)) + "=…";
}

bool is_default_port(const Origin& origin) {
  return origin.port == (origin.scheme == "https" ? 443 : 80);
}

}  // namespace

std::string Origin::str() const { return scheme + "://" + authority(); }

std::string Origin::authority() const {
  return is_default_port(*this) ? host : fmt::format("{}:{}", host, port);
}

std::optional<Url> Url::parse(std::string_view text, std::string* why) {
  const Refusal refuse(why);
  if (const auto wrong = complaint(text))
    return refuse(*wrong);
  if (text.find('#') != std::string_view::npos)
    return refuse("it has a fragment");
  const CurlUrl url(curl_url());
  const CURLUcode code =
      curl_url_set(url.get(), CURLUPART_URL, std::string(text).c_str(), CURLU_DISALLOW_USER);
  if (code != CURLUE_OK)
    return refuse(refusal_text(code));
  auto origin = origin_of(url.get(), refuse);
  if (!origin)
    return std::nullopt;
  return Url(std::move(*origin), part(url.get(), CURLUPART_PATH).value_or("/"),
             part(url.get(), CURLUPART_QUERY).value_or(""));
}

std::optional<Url> Url::resolve(std::string_view reference, std::string* why) const {
  const Refusal refuse(why);
  // A fragment is for the reader of a page; no server ever sees it (RFC 9110 section 10.2.2).
  const std::string target(reference.substr(0, reference.find('#')));
  if (const auto wrong = complaint(target))
    return refuse(*wrong);
  const CurlUrl url(curl_url());
  curl_url_set(url.get(), CURLUPART_URL, str().c_str(), 0);
  const CURLUcode code =
      curl_url_set(url.get(), CURLUPART_URL, target.c_str(), CURLU_DISALLOW_USER);
  if (code != CURLUE_OK)
    return refuse(refusal_text(code));
  return parse(part(url.get(), CURLUPART_URL).value_or(""), why);
}

std::string Url::str() const {
  return origin_.str() + path_ + (query_.empty() ? "" : "?" + query_);
}

std::string Url::display() const {
  std::string text = origin_.str() + path_;
  if (query_.empty())
    return text;
  char separator = '?';
  for (const std::string_view parameter : split(query_, '&')) {
    text += separator + hide_value(parameter);
    separator = '&';
  }
  return text;
}

Url Url::with_path(std::string path) const { return Url(origin_, std::move(path), ""); }

Url Url::with_query(std::string_view name, std::string_view value) const {
  std::string query = query_.empty() ? "" : query_ + "&";
  query += percent_encode(name) + "=" + percent_encode(value);
  return Url(origin_, path_, std::move(query));
}

std::string percent_encode(std::string_view text) {
  constexpr std::string_view kUnreserved =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
  std::string result;
  for (const char c : text) {
    if (kUnreserved.find(c) != std::string_view::npos)
      result += c;
    else
      result += fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return result;
}

}  // namespace ocisync
