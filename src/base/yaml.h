#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace ocisync {

// Where a value stands: 1-based line and column; `file` is an index the reader chose.
struct Position {
  int line = 0;
  int column = 0;
  int file = 0;
  friend bool operator==(const Position&, const Position&) = default;
};

// A YAML value that knows where it stands. Scalars keep their text; what the text means (number,
// boolean, duration) is decided by who reads it. Built from the parser's events, so a document of
// ten thousand charts costs its own size and little more.
struct YamlValue {
  enum class Kind { null, scalar, sequence, map };

  struct Entry;

  Kind kind = Kind::null;
  std::string text;     // scalar
  bool quoted = false;  // scalar written in quotes or as a block: always a string
  Position at;
  std::vector<YamlValue> items;  // sequence
  std::vector<Entry> entries;    // map, in order of appearance

  const YamlValue* find(std::string_view key) const;

  bool is_map() const { return kind == Kind::map; }

  bool is_sequence() const { return kind == Kind::sequence; }

  bool is_scalar() const { return kind == Kind::scalar; }

  bool is_null() const { return kind == Kind::null; }
};

struct YamlValue::Entry {
  std::string key;
  Position key_at;
  YamlValue value;
};

struct YamlProblem {
  Position at;
  std::string message;
  std::string path{};  // of a key that stands twice: "spec.charts[2].ref"
};

struct YamlOptions {
  enum class Duplicates { refuse, last_wins };
  enum class Documents { one_only, first };

  Duplicates duplicates = Duplicates::refuse;
  Documents documents = Documents::one_only;
  bool merge_keys = true;  // "<<" entries are merged in; an explicit key wins
  std::size_t depth = 100;
  // Values, after alias expansion. Choose it to fit the document: it also bounds what the parser
  // may hold of a single line of brackets, up to 2 KiB a value.
  std::size_t nodes = 2'000'000;
  // Of those, copied by aliases: the bomb's ceiling. Every 64 bytes of copied text count as one
  // more.
  std::size_t alias_nodes = 100'000;
  int file = 0;  // put into every Position
};

// Reads one document. Problems are appended with their position; a problem of syntax or of a limit
// ends the reading, duplicate keys do not (a hundred are reported). The value is usable exactly
// when nothing was appended. An empty document is null. Non-scalar keys, self-referencing aliases
// and invalid UTF-8 are problems.
YamlValue parse_yaml(std::string_view text, const YamlOptions& options,
                     std::vector<YamlProblem>& problems);

// Writes a scalar so that any YAML 1.1 or 1.2 reader takes it back as the same string.
std::string yaml_quote(std::string_view text);

}  // namespace ocisync
