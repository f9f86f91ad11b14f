#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace ocisync {

// Scheme, host and port of a server, lower case, default ports filled in. What credentials, cookies
// and connections belong to; two URLs are of the same server exactly when their origins are equal.
struct Origin {
  std::string scheme;
  std::string host;  // brackets kept for IPv6
  std::uint16_t port = 0;

  std::string str() const;        // https://host:port, default port left out
  std::string authority() const;  // host[:port], default port left out
  friend auto operator<=>(const Origin&, const Origin&) = default;
};

// An absolute http or https URL without userinfo and fragment (RFC 3986).
class Url {
 public:
  // Absent for anything else, control bytes included; `why` says what was wrong when given.
  static std::optional<Url> parse(std::string_view text, std::string* why = nullptr);

  // What a Location, Link or realm value means when it came from this URL.
  std::optional<Url> resolve(std::string_view reference, std::string* why = nullptr) const;

  const Origin& origin() const noexcept { return origin_; }

  const std::string& path() const noexcept { return path_; }  // begins with "/"

  const std::string& query() const noexcept { return query_; }  // without "?"

  std::string str() const;
  // For logs and errors: every query value replaced, since signed URLs are secrets.
  std::string display() const;

  Url with_path(std::string path) const;                                // drops the query
  Url with_query(std::string_view name, std::string_view value) const;  // appended, escaped

 private:
  Url(Origin origin, std::string path, std::string query)
      : origin_(std::move(origin)), path_(std::move(path)), query_(std::move(query)) {}

  Origin origin_;
  std::string path_;
  std::string query_;
};

std::string percent_encode(std::string_view text);  // everything but unreserved characters

}  // namespace ocisync
