#include "spec/field.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/text.h"

namespace ocisync {
namespace {

std::vector<std::string_view> supported_names(const Shape& shape) {
  std::vector<std::string_view> names;
  for (const FieldShape& field : shape.fields)
    if (!field.not_yet)
      names.push_back(field.name);
  return names;
}

bool is_empty_collection(const YamlValue& value) {
  return (value.is_map() && value.entries.empty()) || (value.is_sequence() && value.items.empty());
}

void refuse_unknown(Reading& reading, const YamlValue::Entry& entry, const Shape& shape) {
  const auto place = reading.inside(entry.key);
  const auto names = supported_names(shape);
  if (const auto near = nearest(entry.key, names))
    return reading.complain(entry.key_at, fmt::format("unknown key (did you mean {}?)", *near));
  reading.complain(entry.key_at,
                   fmt::format("unknown key (known here: {})", fmt::join(names, ", ")));
}

void refuse_not_yet(Reading& reading, const YamlValue::Entry& entry) {
  if (is_empty_collection(entry.value))
    return;  // {} and [] ask for nothing
  const auto place = reading.inside(entry.key);
  reading.complain(entry.key_at, "is not supported yet (remove it)");
}

void demand_required(Reading& reading, const YamlValue& map, const Shape& shape) {
  for (const FieldShape& field : shape.fields) {
    const auto place = reading.inside(field.name);
    if (field.required && map.find(field.name) == nullptr)
      reading.complain(map.at, fmt::format("is missing ({} is required here)", field.value.noun));
  }
}

void demand_neighbours(Reading& reading, const YamlValue& map, const Shape& shape) {
  for (const FieldShape& field : shape.fields) {
    const YamlValue* const value = map.find(field.name);
    const auto place = reading.inside(field.name);
    for (const std::string& other : field.needs)
      if (value != nullptr && map.find(other) == nullptr)
        reading.complain(value->at, fmt::format("has no {} beside it (they go together)", other));
  }
}

void demand_exactly_one(Reading& reading, const YamlValue& map, const Shape& shape) {
  std::vector<std::string_view> given, possible;
  for (const std::string& name : shape.exactly_one) {
    if (map.find(name) != nullptr)
      given.emplace_back(name);
    if (const FieldShape* field = shape.find(name); field != nullptr && !field->not_yet)
      possible.emplace_back(name);
  }
  if (shape.exactly_one.empty() || given.size() == 1)
    return;
  const std::string what =
      given.empty() ? "says nothing" : fmt::format("holds {}", fmt::join(given, " and "));
  reading.complain(map.at, fmt::format("{} (exactly one of {})", what, fmt::join(possible, ", ")));
}

}  // namespace

const FieldShape* Shape::find(std::string_view name) const {
  const auto found = std::find_if(fields.begin(), fields.end(),
                                  [&](const FieldShape& field) { return field.name == name; });
  return found == fields.end() ? nullptr : &*found;
}

std::vector<KnownKey> know_keys(Reading& reading, const YamlValue& value, const Shape& shape) {
  if (!value.is_map()) {
    reading.complain(value.at, fmt::format("is not a map (known here: {})",
                                           fmt::join(supported_names(shape), ", ")));
    return {};
  }
  std::vector<KnownKey> known;
  for (const YamlValue::Entry& entry : value.entries) {
    const FieldShape* const field = shape.find(entry.key);
    if (field == nullptr) {
      if (!shape.extensions || !entry.key.starts_with("x-"))
        refuse_unknown(reading, entry, shape);
      continue;
    }
    if (field->not_yet) {
      refuse_not_yet(reading, entry);
      continue;
    }
    const auto place = reading.inside(entry.key);
    if (entry.value.is_null()) {
      reading.complain(entry.key_at,
                       fmt::format("is empty (give it {}, or remove the key)", field->value.noun));
      continue;
    }
    if (field->value.kind != ValueKind::object && !field->joined)
      reading.claim(entry.key_at);
    known.push_back({static_cast<std::size_t>(field - shape.fields.data()), &entry});
  }
  demand_required(reading, value, shape);
  demand_neighbours(reading, value, shape);
  demand_exactly_one(reading, value, shape);
  return known;
}

}  // namespace ocisync
