#pragma once

#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "net/http.h"

namespace ocisync {

// The pages of a tag listing, gathered within bounds: 100 pages, 100,000 tags.
class TagList {
 public:
  // Adds one page (`{"tags": [...]}`, null for none); tags outside the grammar are dropped. Absent:
  // it was the last, else the address of the next. Throws Error(protocol_violation) for JSON of
  // another shape and for pages in a circle, (policy_refused) for a next page on another server,
  // (limit_exceeded).
  std::optional<Url> add(const HttpResponse& page, const Url& from);

  std::vector<std::string> take();  // sorted, each once

 private:
  void add_tags(std::string_view body, const Url& from);

  std::vector<std::string> tags_;
  std::set<std::string> visited_;
};

// The target of the Link header with rel="next" (RFC 8288), unresolved. Absent: there is none.
std::optional<std::string> next_link(const Headers& headers);

}  // namespace ocisync
