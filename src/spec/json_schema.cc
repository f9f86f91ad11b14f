#include <fmt/format.h>

#include "base/json.h"
#include "spec/load.h"
#include "spec/shape.h"

namespace ocisync {
namespace {

Json schema_of(const Shape& shape);

// Where anything but a text belongs, a text with a variable may stand as well.
Json or_variable(Json schema) {
  Json variable;
  variable.set("$ref", "#/$defs/variable");
  Json either;
  either.set("anyOf", Json::array().add(std::move(schema)).add(std::move(variable)));
  return either;
}

Json text_schema(const Shape& shape) {
  Json schema;
  if (shape.number_too)
    schema.set("type", Json::array().add("string").add("number"));
  else
    schema.set("type", "string");
  schema.set("minLength", 1);
  if (!shape.pattern.empty())
    schema.set("pattern", fmt::format("^({})$|\\$\\{{", shape.pattern));
  return schema;
}

Json choice_schema(const Shape& shape) {
  Json values = Json::array();
  for (const Choice& choice : shape.choices)
    if (!choice.not_yet)
      values.add(choice.value);
  Json schema;
  schema.set("enum", std::move(values));
  return or_variable(std::move(schema));
}

// What is not supported yet is described, for editors, and refused unless it is empty.
void refuse(Json& schema, ValueKind kind) {
  if (kind == ValueKind::object)
    schema.set("maxProperties", 0);
  else if (kind == ValueKind::list)
    schema.set("maxItems", 0);
  else
    schema.set("not", Json::object());
}

Json field_schema(const FieldShape& field) {
  Json schema;
  schema.set("description", field.doc + (field.not_yet ? " Not supported yet." : "") +
                                (field.restart ? " A change needs a restart." : ""));
  const Json value = schema_of(field.value);
  for (const auto& [name, part] : value.members())
    schema.set(name, part);
  if (!field.fallback.is_null())
    schema.set("default", field.fallback);
  if (field.not_yet)
    refuse(schema, field.value.kind);
  return schema;
}

Json names(const std::vector<std::string>& list) {
  Json array = Json::array();
  for (const std::string& name : list)
    array.add(name);
  return array;
}

// How the fields of an object depend on each other.
void add_dependencies(Json& schema, const Shape& shape) {
  Json required = Json::array(), needs = Json::object(), alternatives = Json::array();
  for (const FieldShape& field : shape.fields) {
    if (field.required)
      required.add(field.name);
    if (!field.needs.empty())
      needs.set(field.name, names(field.needs));
  }
  for (const std::string& name : shape.exactly_one) {
    Json alternative;
    alternative.set("required", names({name}));
    alternatives.add(std::move(alternative));
  }
  if (!required.items().empty())
    schema.set("required", std::move(required));
  if (!needs.members().empty())
    schema.set("dependentRequired", std::move(needs));
  if (!alternatives.items().empty())
    schema.set("oneOf", std::move(alternatives));
}

Json object_schema(const Shape& shape) {
  Json properties = Json::object();
  for (const FieldShape& field : shape.fields)
    properties.set(field.name, field_schema(field));
  Json schema;
  schema.set("type", "object");
  schema.set("properties", std::move(properties));
  schema.set("additionalProperties", false);
  if (shape.extensions) {
    Json anything = Json::object();
    anything.set("^x-", true);
    schema.set("patternProperties", std::move(anything));
  }
  add_dependencies(schema, shape);
  return schema;
}

Json schema_of(const Shape& shape) {
  Json schema;
  switch (shape.kind) {
    case ValueKind::text:
      return text_schema(shape);
    case ValueKind::flag:
      schema.set("type", "boolean");
      return or_variable(std::move(schema));
    case ValueKind::count:
      schema.set("type", "integer");
      schema.set("minimum", shape.least);
      schema.set("maximum", shape.most);
      return or_variable(std::move(schema));
    case ValueKind::choice:
      return choice_schema(shape);
    case ValueKind::object:
      return object_schema(shape);
    case ValueKind::list:
      schema.set("type", "array");
      schema.set("items", schema_of(shape.item.front()));
      return schema;
  }
  return schema;
}

}  // namespace

std::string spec_json_schema() {
  Json schema;
  schema.set("$schema", "https://json-schema.org/draft/2020-12/schema");
  schema.set("title", "ChartSync");
  schema.set("description", "Which Helm charts ocisync keeps in place, and how.");
  const Json document = schema_of(spec_shape());
  for (const auto& [name, part] : document.members())
    schema.set(name, part);
  Json variable;
  variable.set("description", "A text with an environment variable to put in.");
  variable.set("type", "string");
  variable.set("pattern", "\\$\\{");
  Json definitions;
  definitions.set("variable", std::move(variable));
  schema.set("$defs", std::move(definitions));
  return schema.dump(2) + "\n";
}

}  // namespace ocisync
