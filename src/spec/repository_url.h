#pragma once

#include <string>
#include <string_view>

#include "oci/reference.h"
#include "spec/spec.h"

namespace ocisync {

// A chart of a classic repository (index.yaml), and what it is called where charts have references:
// by messages, lock files, credentials and the cache.
struct ClassicChart {
  std::string url;      // of the repository, without a slash at its end; may have a query
  Reference reference;  // host[:port]/path/chart; components that no reference can have are hashed
  bool plain_http;
};

// Throws Error(reference_invalid): not http or https, a user name (which is not repeated) or a
// fragment in it, a byte that no URL has.
ClassicChart classic_chart(std::string_view url, std::string_view chart);

// The entry that a spec with these three would have, for commands that need none; `version` may be
// empty. Throws Error(reference_invalid) that says what is wrong with which of them, plain http
// where `spec` does not allow it among that.
ChartSpec classic_chart_spec(const Spec& spec, const std::string& url, const std::string& chart,
                             const std::string& version);

}  // namespace ocisync
