#include "oci/authority.h"

#include <array>
#include <charconv>
#include <vector>

#include <arpa/inet.h>

namespace ocisync {
namespace {

constexpr std::size_t kMaxHost = 253;
constexpr std::size_t kMaxLabel = 63;

// The number that decimal digits stand for, if they are written without leading zeros.
std::optional<unsigned> plain_number(std::string_view text) {
  const bool padded = text.size() > 1 && text.front() == '0';
  if (text.empty() || text.size() > 9 || padded || !only(text, is_digit))
    return std::nullopt;
  unsigned value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

bool dotted_quad(const std::vector<std::string_view>& labels) {
  return labels.size() == 4 && std::all_of(labels.begin(), labels.end(), [](std::string_view part) {
           return plain_number(part).value_or(256) <= 255;
         });
}

// Resolvers read "127.1" and "0x7f000001" as addresses too; a reference says what it means.
bool reads_as_number(std::string_view label) {
  const bool hex = label.starts_with("0x") || label.starts_with("0X");
  return only(label, is_digit) || (hex && only(label.substr(2), is_hex));
}

Complaint label_complaint(std::string_view label) {
  if (label.empty())
    return complain("the host has an empty part between its dots");
  if (label.size() > kMaxLabel)
    return complain(
        fmt::format("host part {} is longer than {} bytes", in_quotes(label), kMaxLabel));
  const auto allowed = [](char c) { return is_alnum(c) || c == '-'; };
  if (!only(label, allowed) || label.front() == '-' || label.back() == '-')
    return complain(fmt::format("host part {} may hold only letters, digits and inner hyphens",
                                in_quotes(label)));
  return std::nullopt;
}

Complaint name_complaint(std::string_view host) {
  if (host.ends_with('.'))
    host.remove_suffix(1);
  if (host.empty())
    return complain("the host is empty", "the registry's host always comes first");
  if (host.size() > kMaxHost)
    return complain(fmt::format("the host is longer than {} bytes", kMaxHost));
  const std::vector<std::string_view> labels = split(host, '.');
  for (const std::string_view label : labels)
    if (Complaint complaint = label_complaint(label))
      return complaint;
  if (reads_as_number(labels.back()) && !dotted_quad(labels))
    return complain(fmt::format(
        "host {} is neither a name nor an IPv4 address of four decimal parts", in_quotes(host)));
  return std::nullopt;
}

// Zones name an interface of one machine, and the dotted form hides an IPv4 address: neither
// belongs in a reference.
Complaint address_complaint(std::string_view host) {
  const std::string inner(host.substr(1, host.ends_with(']') ? host.size() - 2 : host.size()));
  const auto allowed = [](char c) { return is_hex(c) || c == ':'; };
  in6_addr address{};
  if (!host.ends_with(']') || !only(inner, allowed) ||
      inet_pton(AF_INET6, inner.c_str(), &address) != 1)
    return complain(fmt::format(
        "host {} is not an IPv6 address in brackets (no zone, no dotted part)", in_quotes(host)));
  return std::nullopt;
}

Complaint port_complaint(std::string_view port) {
  const unsigned value = plain_number(port).value_or(0);
  if (value < 1 || value > 65535)
    return complain(fmt::format("port {} is not a number from 1 to 65535", in_quotes(port)));
  return std::nullopt;
}

}  // namespace

Complaint authority_complaint(std::string_view text) {
  const bool address = text.starts_with('[');
  if (!address && std::count(text.begin(), text.end(), ':') > 1)
    return complain(fmt::format("host {} has more than one colon", in_quotes(text)),
                    "an IPv6 address is written in brackets: [fd00::1]:5000");
  const auto [host, port] = split_authority(text);
  if (Complaint complaint = address ? address_complaint(host) : name_complaint(host))
    return complaint;
  return port ? port_complaint(*port) : std::nullopt;
}

Authority split_authority(std::string_view text) {
  const std::size_t bracket = text.starts_with('[') ? text.find(']') : 0;
  const std::size_t colon = text.find(':', bracket);
  if (colon == std::string_view::npos)
    return {text, std::nullopt};
  return {text.substr(0, colon), text.substr(colon + 1)};
}

std::string canonical_authority(std::string_view text) {
  const auto [name, port] = split_authority(text);
  std::string host = lower(name);
  if (host.ends_with('.'))
    host.pop_back();
  if (port)
    return fmt::format("{}:{}", host, *port);
  const bool docker_hub = host == "index.docker.io" || host == "registry-1.docker.io";
  return docker_hub ? "docker.io" : host;
}

}  // namespace ocisync
