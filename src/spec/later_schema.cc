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

Shape time_span() { return duration(Duration{0}).shape; }

Shape plain_text(std::string noun) { return any_text(std::move(noun), "").shape; }

FieldShape hook_call() {
  return grouped(
      "http",
      {example("url", plain_text("a URL"), "http://127.0.0.1:8080/-/reload", "Whom to call."),
       defaulted("method", plain_text("a method"), "POST", "How."),
       defaulted("successStatus", count(100, 599).shape, 200, "The answer that means success."),
       example("headersFile", path(), "/etc/ocisync/headers", "Headers to send, one a line."),
       defaulted("timeout", time_span(), "5s", "How long it may take.")},
      "Call a server.");
}

FieldShape hook_program() {
  return grouped("exec",
                 {example("command", list_shape(plain_text("an argument")),
                          Json::array().add("/bin/reload").add("--now"), "What to run."),
                  defaulted("timeout", time_span(), "30s", "How long it may take.")},
                 "Run a program.");
}

}  // namespace

FieldShape hooks_shape() {
  FieldShape hooks;
  hooks.name = "hooks";
  hooks.doc = "What to do around a publication.";
  hooks.joined = true;
  hooks.value = list_shape(object_of({
      example("name", plain_text("a name"), "reload", "What it is called in log and metrics."),
      defaulted("when", choice_shape("a moment", {{"published"}, {"gate"}}), "published",
                "After publishing, or before, with a veto."),
      defaulted("per", choice_shape("a scope", {{"pass"}, {"chart"}}), "pass",
                "Once for a pass or for each chart."),
      hook_program(),
      hook_call(),
      example("touch", path(), "/charts/.updated", "Give a file the time of now."),
  }));
  return hooks;
}

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
