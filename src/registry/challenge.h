#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace ocisync {

// One challenge of a WWW-Authenticate header (RFC 9110 section 11.6.1).
struct Challenge {
  std::string scheme;                             // lower case
  std::map<std::string, std::string> parameters;  // names lower case; the first of duplicates

  const std::string* find(std::string_view name) const;
};

// All challenges of all values, in order. Malformed ones are skipped; at most 16, of 32 parameters,
// from 8 KiB.
std::vector<Challenge> parse_challenges(const std::vector<std::string_view>& values);

}  // namespace ocisync
