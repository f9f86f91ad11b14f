#include "net/curl_failure.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "base/text.h"

namespace ocisync {
namespace {

bool mentions(std::string_view text, std::string_view words) {
  return text.find(words) != std::string_view::npos;
}

// A handshake that ended because the line went dead says nothing about trust.
bool handshake_cut(std::string_view text) {
  static constexpr auto kCut = std::to_array<std::string_view>(
      {"SSL_ERROR_SYSCALL", "Connection reset", "unexpected eof", "Broken pipe"});
  return std::any_of(kCut.begin(), kCut.end(),
                     [&](std::string_view words) { return mentions(text, words); });
}

// With TLS 1.3 the server judges our certificate when we already talk, so its alert comes as a
// failed read.
bool is_alert(std::string_view text) {
  return mentions(text, "SSL routines") && mentions(text, "alert");
}

Reason reason_of(CURLcode code, std::string_view text) {
  switch (code) {
    case CURLE_RECV_ERROR:
    case CURLE_SEND_ERROR:
      return is_alert(text) ? Reason::tls_failed : Reason::unavailable;
    case CURLE_OPERATION_TIMEDOUT:
      return Reason::timed_out;
    case CURLE_SSL_CONNECT_ERROR:
      return handshake_cut(text) ? Reason::unavailable : Reason::tls_failed;
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_ENGINE_NOTFOUND:
    case CURLE_SSL_ENGINE_SETFAILED:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CIPHER:
    case CURLE_USE_SSL_FAILED:
    case CURLE_SSL_ENGINE_INITFAILED:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_CRL_BADFILE:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_SSL_PINNEDPUBKEYNOTMATCH:
    case CURLE_SSL_INVALIDCERTSTATUS:
    case CURLE_SSL_CLIENTCERT:
      return Reason::tls_failed;
    case CURLE_UNSUPPORTED_PROTOCOL:  // an answer without a status line: HTTP/0.9
    case CURLE_WEIRD_SERVER_REPLY:
    case CURLE_BAD_CONTENT_ENCODING:
    case CURLE_FILESIZE_EXCEEDED:  // a Content-Length that no file could have
      return Reason::protocol_violation;
    case CURLE_URL_MALFORMAT:
    case CURLE_BAD_FUNCTION_ARGUMENT:
    case CURLE_UNKNOWN_OPTION:
      return Reason::internal;
    default:  // names, connections, resets, cut bodies, HTTP/2 framing: the line, not the content
      return Reason::unavailable;
  }
}

std::string_view tls_hint(std::string_view text) {
  if (mentions(text, "wrong version number") || mentions(text, "packet length too long") ||
      mentions(text, "record layer"))
    return "the server does not seem to speak TLS on this port; if it is meant to, set plainHTTP: "
           "true for this registry";
  if (mentions(text, "local issuer certificate") || mentions(text, "self-signed") ||
      mentions(text, "self signed"))
    return "if this certificate authority is yours, name its file in tls.caFile for this registry";
  if (mentions(text, "certificate required") || mentions(text, "bad certificate") ||
      mentions(text, "unknown ca") || mentions(text, "handshake failure"))
    return "if the server asks for a client certificate, set tls.certFile and tls.keyFile";
  return "";
}

// The proxy's answer to CONNECT, if that is what went wrong.
std::optional<Error> proxy_refusal(const CurlHandle& handle, const Transfer& transfer) {
  const long status = handle.number(CURLINFO_HTTP_CONNECTCODE);
  if (status < 300)
    return std::nullopt;
  const Reason reason = status == 407                   ? Reason::unauthorized
                        : status >= 400 && status < 500 ? Reason::policy_refused
                                                        : Reason::unavailable;
  Error error =
      transfer.failure(reason, fmt::format("the proxy refused the connection ({})", status));
  if (status == 407)
    error.hint("set proxy.credentials for this registry");
  return error;
}

}  // namespace

Error curl_failure(CURLcode code, const CurlHandle& handle, const Transfer& transfer) {
  if (!transfer.refused_address().empty() &&
      (code == CURLE_COULDNT_CONNECT || code == CURLE_ABORTED_BY_CALLBACK))
    return transfer.failure(Reason::policy_refused,
                            fmt::format("another server sent us to the internal address {}",
                                        transfer.refused_address()));
  if (code == CURLE_RECV_ERROR || code == CURLE_PROXY)
    if (auto refusal = proxy_refusal(handle, transfer))
      return std::move(*refusal);
  // What curl says of a header line that outgrows its buffer.
  if (code == CURLE_OUT_OF_MEMORY && !transfer.answered())
    return transfer.failure(Reason::limit_exceeded, "the answer's head has a line without end");
  const std::string_view words = handle.error_text();
  const std::string text = printable(trim(words.empty() ? curl_easy_strerror(code) : words), 300);
  const Reason reason = reason_of(code, text);
  Error error = transfer.failure(reason, text);
  if (reason == Reason::tls_failed && !tls_hint(text).empty())
    error.hint(std::string(tls_hint(text)));
  return error;
}

}  // namespace ocisync
