#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <sys/socket.h>

namespace ocisync {

// An IPv4 or IPv6 address. IPv4 is kept in its IPv6-mapped form, so that both spellings of one
// address are equal.
class IpAddress {
 public:
  // Dotted or colon form, with or without brackets. Absent for names, zones and anything shorthand.
  static std::optional<IpAddress> parse(std::string_view text);
  static std::optional<IpAddress> of(const sockaddr& address);

  bool is_v4() const;
  bool is_loopback() const;
  // Reachable from inside only: loopback, private, link-local, carrier-grade NAT, unspecified,
  // multicast, reserved, and an IPv4 address of that kind wrapped into IPv6.
  bool is_internal() const;
  // Whether the first `bits` of the 128 agree.
  bool shares_prefix(const IpAddress& other, unsigned bits) const;

  std::string str() const;
  friend bool operator==(const IpAddress&, const IpAddress&) = default;

 private:
  using Octets = std::array<std::uint8_t, 16>;

  explicit IpAddress(const Octets& octets) : octets_(octets) {}

  std::optional<std::uint32_t> embedded_v4() const;

  Octets octets_;
};

// A block of addresses such as 10.0.0.0/8.
class IpNetwork {
 public:
  static std::optional<IpNetwork> parse(std::string_view text);
  bool contains(const IpAddress& address) const;

 private:
  IpNetwork(const IpAddress& base, unsigned bits) : base_(base), bits_(bits) {}

  IpAddress base_;
  unsigned bits_;  // of 128
};

}  // namespace ocisync
