#pragma once

#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/guarded.h"
#include "base/log.h"
#include "base/secret.h"
#include "net/http.h"

namespace ocisync {

// What registries want people to know (the Warning header of the distribution specification),
// logged once per host and text. Safe from any thread.
class Warnings {
 public:
  explicit Warnings(Log& log) : log_(log) {}

  // `secrets` are those that the request held.
  void hear(const std::string& host, const Headers& headers, const std::vector<Secret>& secrets);

 private:
  Log& log_;
  Guarded<std::set<std::pair<std::string, std::string>>> heard_;
};

// The text of `299 - "text"`, as it came. Absent for any other shape.
std::optional<std::string> parse_warning(std::string_view value);

}  // namespace ocisync
