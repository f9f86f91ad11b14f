#include "net/ip_address.h"

#include <algorithm>
#include <charconv>
#include <cstring>

#include <arpa/inet.h>
#include <netinet/in.h>

namespace ocisync {
namespace {

struct Block4 {
  std::uint32_t base;
  unsigned bits;
};

// RFC 6890 and its successors: what is not globally reachable and could be somebody's inside.
constexpr auto kInternal4 = std::to_array<Block4>({
    {0x00000000, 8},   // this network
    {0x0A000000, 8},   // private
    {0x64400000, 10},  // carrier-grade NAT
    {0x7F000000, 8},   // loopback
    {0xA9FE0000, 16},  // link-local, cloud metadata
    {0xAC100000, 12},  // private
    {0xC0000000, 24},  // IETF protocol assignments
    {0xC0A80000, 16},  // private
    {0xC6120000, 15},  // benchmarking
    {0xE0000000, 4},   // multicast
    {0xF0000000, 4},   // reserved, broadcast
});

struct Block6 {
  std::array<std::uint8_t, 6> base;
  unsigned bits;
};

constexpr auto kInternal6 = std::to_array<Block6>({
    {{0x00, 0x64, 0xFF, 0x9B, 0x00, 0x01}, 48},  // local-use NAT64
    {{0xFC}, 7},                                 // unique local
    {{0xFE, 0x80}, 10},                          // link-local
    {{0xFE, 0xC0}, 10},                          // site-local, of old
    {{0xFF}, 8},                                 // multicast
});

constexpr std::array<std::uint8_t, 12> kMapped = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};
constexpr std::array<std::uint8_t, 12> kNat64 = {0, 0x64, 0xFF, 0x9B};
constexpr std::array<std::uint8_t, 12> kCompatible = {};  // also holds :: and ::1
constexpr std::array<std::uint8_t, 2> k6to4 = {0x20, 0x02};

template <typename Octets, typename Prefix>
bool begins_with(const Octets& octets, const Prefix& prefix) {
  return std::equal(prefix.begin(), prefix.end(), octets.begin());
}

template <typename A, typename B>
bool equal_bits(const A& a, const B& b, unsigned bits) {
  const std::size_t whole = bits / 8;
  if (!std::equal(a.begin(), a.begin() + static_cast<std::ptrdiff_t>(whole), b.begin()))
    return false;
  const unsigned rest = bits % 8;
  return rest == 0 || ((a[whole] ^ b[whole]) >> (8U - rest)) == 0;
}

bool internal4(std::uint32_t address) {
  return std::any_of(kInternal4.begin(), kInternal4.end(), [&](const Block4& block) {
    return (address ^ block.base) >> (32U - block.bits) == 0;
  });
}

}  // namespace

std::optional<IpAddress> IpAddress::parse(std::string_view text) {
  if (text.size() > 2 && text.front() == '[' && text.back() == ']')
    text = text.substr(1, text.size() - 2);
  const std::string zero_ended(text);
  Octets octets{};
  if (inet_pton(AF_INET6, zero_ended.c_str(), octets.data()) == 1)
    return IpAddress(octets);
  if (inet_pton(AF_INET, zero_ended.c_str(), octets.data() + kMapped.size()) != 1)
    return std::nullopt;
  std::copy(kMapped.begin(), kMapped.end(), octets.begin());
  return IpAddress(octets);
}

std::optional<IpAddress> IpAddress::of(const sockaddr& address) {
  Octets octets{};
  if (address.sa_family == AF_INET6) {
    sockaddr_in6 v6{};
    std::memcpy(&v6, &address, sizeof v6);
    std::memcpy(octets.data(), &v6.sin6_addr, octets.size());
    return IpAddress(octets);
  }
  if (address.sa_family != AF_INET)
    return std::nullopt;
  sockaddr_in v4{};
  std::memcpy(&v4, &address, sizeof v4);
  std::copy(kMapped.begin(), kMapped.end(), octets.begin());
  std::memcpy(octets.data() + kMapped.size(), &v4.sin_addr, sizeof v4.sin_addr);
  return IpAddress(octets);
}

bool IpAddress::is_v4() const { return begins_with(octets_, kMapped); }

bool IpAddress::is_loopback() const {
  Octets one{};
  one.back() = 1;
  return octets_ == one || (is_v4() && octets_[12] == 127);
}

// The IPv4 address that a mapped, compatible, translated or 6to4 address leads to.
std::optional<std::uint32_t> IpAddress::embedded_v4() const {
  std::size_t at = 12;
  if (begins_with(octets_, k6to4))
    at = 2;
  else if (!begins_with(octets_, kMapped) && !begins_with(octets_, kNat64) &&
           !begins_with(octets_, kCompatible))
    return std::nullopt;
  std::uint32_t address = 0;
  for (std::size_t i = 0; i < 4; ++i)
    address = address << 8U | octets_[at + i];
  return address;
}

bool IpAddress::is_internal() const {
  if (const auto v4 = embedded_v4())
    return internal4(*v4);
  return std::any_of(kInternal6.begin(), kInternal6.end(), [&](const Block6& block) {
    return equal_bits(octets_, block.base, block.bits);
  });
}

bool IpAddress::shares_prefix(const IpAddress& other, unsigned bits) const {
  return equal_bits(octets_, other.octets_, bits);
}

std::string IpAddress::str() const {
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (is_v4())
    inet_ntop(AF_INET, octets_.data() + kMapped.size(), text.data(), text.size());
  else
    inet_ntop(AF_INET6, octets_.data(), text.data(), text.size());
  return text.data();
}

std::optional<IpNetwork> IpNetwork::parse(std::string_view text) {
  const std::size_t slash = text.find('/');
  if (slash == std::string_view::npos)
    return std::nullopt;
  const auto base = IpAddress::parse(text.substr(0, slash));
  const std::string_view length = text.substr(slash + 1);
  unsigned bits = 0;
  const auto [end, error] = std::from_chars(length.data(), length.data() + length.size(), bits);
  if (!base || error != std::errc{} || end != length.data() + length.size())
    return std::nullopt;
  const unsigned most = base->is_v4() ? 32 : 128;
  if (bits > most)
    return std::nullopt;
  return IpNetwork(*base, 128 - most + bits);
}

bool IpNetwork::contains(const IpAddress& address) const {
  return base_.is_v4() == address.is_v4() && base_.shares_prefix(address, bits_);
}

}  // namespace ocisync
