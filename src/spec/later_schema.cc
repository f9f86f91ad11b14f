#include "spec/codec.h"
#include "spec/schema.h"

namespace ocisync {
namespace {

Shape object_of(std::vector<FieldShape> fields) {
  Shape shape;
  shape.kind = ValueKind::object;
  shape.noun = "a map";
  shape.fields = std::move(fields);
  return shape;
}

FieldShape defaulted(std::string name, Shape value, Json fallback, std::string doc) {
  return {.name = std::move(name),
          .doc = std::move(doc),
          .value = std::move(value),
          .fallback = std::move(fallback)};
}

FieldShape example(std::string name, Shape value, Json sample, std::string doc) {
  return {.name = std::move(name),
          .doc = std::move(doc),
          .value = std::move(value),
          .sample = std::move(sample)};
}

FieldShape grouped(std::string name, std::vector<FieldShape> fields, std::string doc) {
  return {.name = std::move(name), .doc = std::move(doc), .value = object_of(std::move(fields))};
}

Shape path() { return file().shape; }

}  // namespace

FieldShape verify_shape(std::string doc) {
  return grouped(
      "verify",
      {defaulted("mode", choice_shape("a mode", {{"enforce"}, {"warn"}, {"none"}}), "enforce",
                 "What a failed check does."),
       grouped("provenance",
               {example("keyring", path(), "/etc/ocisync/keyring.gpg", "The keys to trust.")},
               "Check the provenance file, as helm pull --verify does."),
       grouped("cosign",
               {example("publicKeys", list_shape(path()),
                        Json::array().add("/etc/ocisync/cosign.pub"), "The keys to trust.")},
               "Check a signature made with a key.")},
      std::move(doc));
}

}  // namespace ocisync
