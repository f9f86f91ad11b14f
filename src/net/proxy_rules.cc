#include "net/proxy_rules.h"

#include <fmt/format.h>

#include "base/text.h"
#include "net/ip_address.h"

namespace ocisync {
namespace {

std::string either_case(const Environment& environment, std::string_view upper_name) {
  std::string value = environment(upper_name).value_or("");
  return value.empty() ? environment(lower(upper_name)).value_or("") : value;
}

std::string_view without_brackets(std::string_view host) {
  return host.size() > 2 && host.front() == '[' && host.back() == ']'
             ? host.substr(1, host.size() - 2)
             : host;
}

// One entry of NO_PROXY without its port: "" when it names none.
struct HostAndPort {
  std::string_view host;
  std::string_view port;
};

HostAndPort split_port(std::string_view entry) {
  const std::size_t colon = entry.rfind(':');
  if (colon == std::string_view::npos || entry.ends_with(']'))
    return {without_brackets(entry), ""};
  const std::string_view host = entry.substr(0, colon);
  const bool bracketed = host.starts_with('[') && host.ends_with(']');
  if (!bracketed && host.find(':') != std::string_view::npos)
    return {entry, ""};  // an IPv6 address, all of it
  return {without_brackets(host), entry.substr(colon + 1)};
}

// "host" means the host and everything below it, ".host" and "*.host" only what is below.
bool domain_matches(std::string_view domain, std::string_view host) {
  if (domain.starts_with("*."))
    domain.remove_prefix(1);
  if (domain.empty())
    return false;
  if (domain.front() == '.')
    return host.size() > domain.size() && host.ends_with(domain);
  return host == domain || (host.size() > domain.size() && host.ends_with(domain) &&
                            host[host.size() - domain.size() - 1] == '.');
}

bool entry_matches(std::string_view entry, const Origin& origin) {
  const auto address = IpAddress::parse(origin.host);
  if (const auto network = IpNetwork::parse(entry))
    return address && network->contains(*address);
  const HostAndPort wanted = split_port(entry);
  if (!wanted.port.empty() && wanted.port != std::to_string(origin.port))
    return false;
  if (const auto literal = IpAddress::parse(wanted.host))
    return address && *literal == *address;
  return !address && domain_matches(wanted.host, origin.host);
}

bool bypasses(std::string_view no_proxy, const Origin& origin) {
  for (const std::string_view part : split(no_proxy, ',')) {
    const std::string entry = lower(trim(part));
    if (entry == "*" || (!entry.empty() && entry_matches(entry, origin)))
      return true;
  }
  return false;
}

// Go resolves names at the proxy whenever SOCKS is asked for; curl calls that socks5h.
std::string proxy_url(std::string_view value) {
  if (value.find("://") == std::string_view::npos)
    return fmt::format("http://{}", value);
  if (value.starts_with("socks5://"))
    return fmt::format("socks5h://{}", value.substr(9));
  return std::string(value);
}

}  // namespace

std::optional<std::string> environment_proxy(const Url& url, const Environment& environment) {
  const Origin& origin = url.origin();
  const bool plain = origin.scheme == "http";
  // A CGI server hands the client's "Proxy:" header to us as HTTP_PROXY; it decides nothing.
  if (plain && !environment("REQUEST_METHOD").value_or("").empty())
    return std::nullopt;
  const std::string setting = either_case(environment, plain ? "HTTP_PROXY" : "HTTPS_PROXY");
  const std::string_view proxy = trim(setting);
  if (proxy.empty() || is_loopback_host(origin.host) ||
      bypasses(either_case(environment, "NO_PROXY"), origin))
    return std::nullopt;
  return proxy_url(proxy);
}

bool is_internal_address(std::string_view numeric) {
  if (numeric.ends_with('.'))
    numeric.remove_suffix(1);
  const auto address = IpAddress::parse(numeric);
  return address && address->is_internal();
}

bool is_loopback_host(std::string_view host) {
  if (host.ends_with('.'))
    host.remove_suffix(1);
  if (equal_ignoring_case(host, "localhost") || lower(host).ends_with(".localhost"))
    return true;
  const auto address = IpAddress::parse(host);
  return address && address->is_loopback();
}

}  // namespace ocisync
