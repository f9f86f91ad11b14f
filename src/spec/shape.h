#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"

namespace ocisync {

// What the spec file may hold, as data: what the JSON Schema, the reference page and "did you mean"
// are made of. The readers of field.h carry one each, so that a description without a reader, or a
// reader without a description, cannot be written.

enum class ValueKind { text, flag, count, choice, object, list };

struct FieldShape;

struct Choice {
  Json value;            // a text or a boolean
  bool not_yet = false;  // part of the format, refused by this version
};

struct Shape {
  ValueKind kind = ValueKind::text;
  std::string noun;     // "a duration"
  std::string allowed;  // "such as 30s or 1h30m"

  std::string pattern;         // text: ECMAScript, of the whole text; empty: any
  std::size_t most_bytes = 0;  // text: 0 without a bound
  bool number_too = false;     // text: a bare number is taken as its text
  bool path = false;           // text: a path, relative to the folder of its file
  std::uint64_t least = 0;     // count
  std::uint64_t most = std::numeric_limits<std::int64_t>::max();
  std::vector<Choice> choices;  // choice

  std::vector<FieldShape> fields;        // object
  std::vector<std::string> exactly_one;  // object: fields of which exactly one is given
  bool extensions = false;               // object: keys beginning with "x-" are free
  std::vector<Shape> item;               // list: exactly one element

  const FieldShape* find(std::string_view name) const;
};

struct FieldShape {
  std::string name;
  std::string doc{};
  Shape value{};
  Json fallback{};  // the default; null: there is none to show
  Json sample{};    // an example; null: the default serves
  bool required = false;
  bool restart = false;              // a change takes effect after a restart only
  bool not_yet = false;              // part of the format, refused by this version
  bool joined = false;               // may stand in several files
  bool alternative = false;          // the reference page shows it commented out
  std::vector<std::string> needs{};  // fields that must stand beside it
};

// The whole document. Built anew by each call.
Shape spec_shape();

}  // namespace ocisync
