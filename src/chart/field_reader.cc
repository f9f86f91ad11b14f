#include "chart/field_reader.h"

#include <map>
#include <utility>
#include <variant>

#include <fmt/format.h>

#include "base/error.h"
#include "base/text.h"
#include "chart/go_scalar.h"
#include "chart/one_line.h"

namespace ocisync {

void refuse_field(std::string_view field, std::string_view why) {
  throw Error(Reason::chart_invalid, fmt::format("{} {}", printable(field, 200), why));
}

namespace {

std::string text_of(const YamlValue& value, std::string_view field) {
  if (!value.is_scalar() && !value.is_null())
    refuse_field(field, "must be a text");
  return go_text(go_scalar(value));
}

Json json_of(const GoScalar& scalar) {
  struct Wrap {
    Json operator()(std::monostate) const { return {}; }

    Json operator()(bool flag) const { return flag; }

    Json operator()(std::int64_t number) const { return number; }

    Json operator()(std::uint64_t number) const { return number; }

    Json operator()(double number) const { return number; }

    Json operator()(const std::string& text) const { return text; }
  };

  return std::visit(Wrap{}, scalar);
}

Json json_of(const YamlValue& value) {
  switch (value.kind) {
    case YamlValue::Kind::null:
      return {};
    case YamlValue::Kind::scalar:
      return json_of(go_scalar(value));
    case YamlValue::Kind::sequence: {
      Json list = Json::array();
      for (const YamlValue& item : value.items)
        list.add(json_of(item));
      return list;
    }
    case YamlValue::Kind::map: {
      std::map<std::string, Json> sorted;
      for (const YamlValue::Entry& entry : value.entries)
        sorted[entry.key] = json_of(entry.value);
      Json object = Json::object();
      for (auto& [key, member] : sorted)
        object.set(key, std::move(member));
      return object;
    }
  }
  return {};
}

}  // namespace

YamlValue tree_of(const Json& json) {
  YamlValue value;
  switch (json.kind()) {
    case Json::Kind::null:
      break;
    case Json::Kind::string:
      value.quoted = true;
      value.kind = YamlValue::Kind::scalar;
      value.text = *json.string();
      break;
    case Json::Kind::boolean:
    case Json::Kind::integer:
    case Json::Kind::real:
      value.kind = YamlValue::Kind::scalar;
      value.text = json.dump();
      break;
    case Json::Kind::array:
      value.kind = YamlValue::Kind::sequence;
      for (const Json& item : json.items())
        value.items.push_back(tree_of(item));
      break;
    case Json::Kind::object:
      value.kind = YamlValue::Kind::map;
      for (const auto& [key, member] : json.members())
        value.entries.push_back({key, {}, tree_of(member)});
      break;
  }
  return value;
}

FieldReader::FieldReader(const YamlValue& map, std::string where)
    : map_(map), where_(std::move(where)) {
  if (!map.is_map())
    refuse_field(where_.empty() ? "the document" : where_, "must be a map of fields");
}

std::string FieldReader::text(std::string_view key) const {
  const YamlValue* value = find(key);
  return value == nullptr ? "" : text_of(*value, name(key));
}

std::string FieldReader::line(std::string_view key) const { return one_line(text(key)); }

bool FieldReader::flag(std::string_view key) const {
  const YamlValue* value = find(key);
  if (value == nullptr)
    return false;
  const GoScalar scalar = value->is_scalar() ? go_scalar(*value) : GoScalar();
  const bool* truth = std::get_if<bool>(&scalar);
  if (truth == nullptr)
    refuse_field(name(key), "must be true or false");
  return *truth;
}

Json FieldReader::lines(std::string_view key) const {
  Json list = Json::array();
  for (const YamlValue& item : items(key))
    list.add(one_line(text_of(item, name(key))));
  return list;
}

Json FieldReader::raw_list(std::string_view key) const {
  Json list = Json::array();
  for (const YamlValue& item : items(key))
    list.add(json_of(item));
  return list;
}

Json FieldReader::texts_by_key(std::string_view key) const {
  const YamlValue* value = find(key);
  Json object = Json::object();
  if (value == nullptr)
    return object;
  if (!value->is_map())
    refuse_field(name(key), "must be a map of texts");
  std::map<std::string, std::string> sorted;
  for (const YamlValue::Entry& entry : value->entries)
    sorted[entry.key] = text_of(entry.value, fmt::format("{}.{}", name(key), entry.key));
  for (auto& [own, member] : sorted)
    object.set(own, std::move(member));
  return object;
}

Json FieldReader::objects(std::string_view key,
                          const std::function<Json(const FieldReader&)>& read) const {
  Json list = Json::array();
  std::size_t index = 0;
  for (const YamlValue& item : items(key)) {
    const std::string where = fmt::format("{}[{}]", name(key), index++);
    if (item.is_null())
      refuse_field(where, "is empty");
    list.add(read(FieldReader(item, where)));
  }
  return list;
}

std::string FieldReader::name(std::string_view key) const {
  return where_.empty() ? std::string(key) : fmt::format("{}.{}", where_, key);
}

const YamlValue* FieldReader::find(std::string_view key) const {
  const YamlValue::Entry* found = nullptr;
  for (const YamlValue::Entry& entry : map_.entries)
    if (equal_ignoring_case(entry.key, key) && !entry.value.is_null() &&
        (found == nullptr || found->key <= entry.key))
      found = &entry;
  return found == nullptr ? nullptr : &found->value;
}

std::span<const YamlValue> FieldReader::items(std::string_view key) const {
  const YamlValue* value = find(key);
  if (value == nullptr)
    return {};
  if (!value->is_sequence())
    refuse_field(name(key), "must be a list");
  return value->items;
}

}  // namespace ocisync
