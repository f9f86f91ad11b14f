#pragma once

#include <cstddef>
#include <functional>
#include <span>
#include <string>
#include <string_view>

#include "base/json.h"
#include "base/yaml.h"

namespace ocisync {

// JSON as the tree that YAML is read into, so that one reader serves both.
YamlValue tree_of(const Json& json);

// Throws Error(chart_invalid) naming the field, made printable.
[[noreturn]] void refuse_field(std::string_view field, std::string_view why);

// Reads the fields of one map of a chart's metadata by Helm's rules: keys ignore case (of several
// spellings the last in byte order counts), null is absence, scalars become texts as go_text says.
// Throws Error(chart_invalid) naming the field. Absent texts and lists are empty, absent flags
// false.
class FieldReader {
 public:
  // `where` is the map's own name, "" for the document. `map` outlives the reader.
  FieldReader(const YamlValue& map, std::string where);

  std::string text(std::string_view key) const;
  std::string line(std::string_view key) const;  // a text, sanitised (one_line.h)
  bool flag(std::string_view key) const;
  Json lines(std::string_view key) const;         // array of strings
  Json texts_by_key(std::string_view key) const;  // object of strings, keys sorted
  Json raw_list(std::string_view key) const;      // array of whatever is there
  // An array of what `read` makes of each item, which must be a map.
  Json objects(std::string_view key, const std::function<Json(const FieldReader&)>& read) const;

 private:
  std::string name(std::string_view key) const;
  const YamlValue* find(std::string_view key) const;
  std::span<const YamlValue> items(std::string_view key) const;

  const YamlValue& map_;
  std::string where_;
};

}  // namespace ocisync
