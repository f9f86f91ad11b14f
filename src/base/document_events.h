#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/sink.h"

namespace ocisync {

// What is told of a document while it is read, in its order. What throws ends the reading.
class DocumentEvents {
 public:
  virtual ~DocumentEvents() = default;
  virtual void begin_map() = 0;
  virtual void key(std::string_view text) = 0;
  virtual void begin_list() = 0;
  virtual void end() = 0;  // of the innermost map or list
  // Of any type, as it is written: what it means is decided by who reads it.
  virtual void scalar(std::string_view text) = 0;
  virtual void null() = 0;
  virtual void alias() = 0;  // YAML's *name; it is not followed
};

inline constexpr std::size_t kDocumentDepth = 64;

// Read a document of any size in bounded memory: nothing is kept of it but its longest text.
// Duplicate keys are the caller's to judge. Throw Error(protocol_violation) that says where the
// reading ended, when it is no such document or nested deeper than kDocumentDepth; whatever the
// source or the events threw passes through.
void read_json_events(Source& source, DocumentEvents& events);
// One document. Refused too: more than 1000 anchors, and a collection in brackets or a text that
// the parser would have to hold more than a MiB of before it could tell anything.
void read_yaml_events(Source& source, DocumentEvents& events);

}  // namespace ocisync
