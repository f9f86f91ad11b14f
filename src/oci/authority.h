#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "oci/grammar.h"

namespace ocisync {

// Where a registry answers: host[:port], the host a DNS name, an IPv4 address, or an IPv6 address
// in brackets without zone.
struct Authority {
  std::string_view host;  // brackets kept
  std::optional<std::string_view> port;
};

Complaint authority_complaint(std::string_view text);

// The two below take a text without complaint.
Authority split_authority(std::string_view text);

// Lower case, without a trailing dot, Docker Hub by one name only.
std::string canonical_authority(std::string_view text);

}  // namespace ocisync
