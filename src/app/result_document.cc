#include <array>
#include <string>
#include <utility>
#include <vector>

#include "app/result.h"
#include "base/document.h"
#include "base/json.h"

namespace ocisync {
namespace {

constexpr const char* kDigestPattern = "^sha(256|512):[0-9a-f]{64,128}$";

constexpr std::array kStates = {ChartState::updated, ChartState::unchanged, ChartState::repaired,
                                ChartState::removed, ChartState::failed,    ChartState::suspended,
                                ChartState::skipped};

enum class Presence { always, sometimes };  // sometimes: left out when there is nothing to say

// One member of an object of the document: how it is described, and its value in it.
template <typename From>
struct Member {
  std::string name;
  Presence presence;
  Json shape;
  std::string doc;
  Json (*value)(const From&);
};

struct Run {
  const PassResult& result;
  int exit_code;
};

Json typed(const char* type) { return Json::object().set("type", type); }

Json text() { return typed("string"); }

Json time() { return typed("string").set("format", "date-time"); }

Json digest() { return typed("string").set("pattern", kDigestPattern); }

Json count() { return typed("integer").set("minimum", 0); }

Json span() { return typed("number").set("minimum", 0); }

Json constant(std::string_view value) { return Json::object().set("const", value); }

template <typename Values>
Json one_of(const Values& values) {
  Json names = Json::array();
  for (const auto value : values)
    names.add(std::string(to_string(value)));
  return text().set("enum", std::move(names));
}

Json list_of(Json items) { return typed("array").set("items", std::move(items)); }

Json unless_empty(const std::string& value) { return value.empty() ? Json() : Json(value); }

Json unless_zero(int value) { return value == 0 ? Json() : Json(value); }

Json digest_of(const std::optional<Digest>& value) { return value ? Json(value->str()) : Json(); }

Json seconds(Duration duration) { return std::chrono::duration<double>(duration).count(); }

template <typename From>
Json written(const std::vector<Member<From>>& members, const From& from) {
  Json object = Json::object();
  for (const Member<From>& member : members)
    if (Json value = member.value(from); member.presence == Presence::always || !value.is_null())
      object.set(member.name, std::move(value));
  return object;
}

template <typename From>
Json described(const std::vector<Member<From>>& members) {
  Json properties = Json::object();
  Json required = Json::array();
  for (const Member<From>& member : members) {
    Json shape = member.shape;
    properties.set(member.name, std::move(shape.set("description", member.doc)));
    if (member.presence == Presence::always)
      required.add(member.name);
  }
  return typed("object")
      .set("properties", std::move(properties))
      .set("required", std::move(required))
      .set("additionalProperties", false);
}

std::vector<Member<Outcome>> chart_members() {
  using enum Presence;
  using Chart = Outcome;
  return {
      {"name", always, text(), "The chart's name in the spec.",
       [](const Chart& c) { return Json(c.name); }},
      {"ref", always, text(), "The reference, with the tag that a range chose.",
       [](const Chart& c) { return Json(c.reference); }},
      {"version", sometimes, text(), "The version in Chart.yaml of what is exported.",
       [](const Chart& c) { return unless_empty(c.version); }},
      {"digest", sometimes, digest(), "Of the manifest that is exported now.",
       [](const Chart& c) { return digest_of(c.digest); }},
      {"previousDigest", sometimes, digest(), "Of the manifest that it replaced.",
       [](const Chart& c) { return digest_of(c.previous); }},
      {"state", always, one_of(kStates), "What became of the chart in this pass.",
       [](const Chart& c) { return Json(to_string(c.state)); }},
      {"required", always, typed("boolean"), "Whether the exit code depends on it.",
       [](const Chart& c) { return Json(c.required); }},
      {"reason", sometimes, one_of(all_reasons()), "Why it failed.",
       [](const Chart& c) { return c.reason ? Json(to_string(*c.reason)) : Json(); }},
      {"message", sometimes, text(), "Why it failed, or why it was done, for people.",
       [](const Chart& c) { return unless_empty(c.message); }},
      {"hint", sometimes, text(), "What can be done about it.",
       [](const Chart& c) { return unless_empty(c.hint); }},
      {"stage", sometimes, text(), "Where on its way it failed.",
       [](const Chart& c) { return unless_empty(c.stage); }},
      {"httpStatus", sometimes, typed("integer"), "Of the answer that made it fail.",
       [](const Chart& c) { return unless_zero(c.http_status); }},
      {"attempts", always, count(), "How often it was tried.",
       [](const Chart& c) { return Json(std::uint64_t{c.attempts}); }},
      {"bytes", always, count(), "Received in bodies.",
       [](const Chart& c) { return Json(c.bytes); }},
      {"requests", always, count(), "HTTP requests, tokens and redirects included.",
       [](const Chart& c) { return Json(c.requests); }},
      {"durationSeconds", always, span(), "Time it was worked on.",
       [](const Chart& c) { return seconds(c.duration); }},
      {"exportPath", sometimes, text(), "Where readers find it; absent with --no-export.",
       [](const Chart& c) { return unless_empty(c.export_path); }},
  };
}

Json chart_list(const Run& run) {
  const std::vector<Member<Outcome>> members = chart_members();
  Json charts = Json::array();
  for (const Outcome& chart : run.result.charts)
    charts.add(written(members, chart));
  return charts;
}

Json summary(const Run& run) {
  Json counts = Json::object();
  for (const ChartState state : kStates) {
    std::uint64_t number = 0;
    for (const Outcome& chart : run.result.charts)
      number += chart.state == state ? 1U : 0U;
    counts.set(std::string(to_string(state)), number);
  }
  return counts;
}

Json summary_shape() {
  Json properties = Json::object();
  Json required = Json::array();
  for (const ChartState state : kStates) {
    properties.set(std::string(to_string(state)), count());
    required.add(std::string(to_string(state)));
  }
  return typed("object")
      .set("properties", std::move(properties))
      .set("required", std::move(required))
      .set("additionalProperties", false);
}

std::vector<Member<Run>> run_members() {
  using enum Presence;
  return {
      {"apiVersion", always, constant(kApiVersion), "The format of this document.",
       [](const Run&) { return Json(kApiVersion); }},
      {"kind", always, constant("SyncResult"), "What this document is.",
       [](const Run&) { return Json("SyncResult"); }},
      {"name", always, text(), "The spec's metadata.name.",
       [](const Run& run) { return Json(run.result.spec_name); }},
      {"specHash", always, text(),
       "SHA-256 of the spec file, hex; of several, of the list of theirs.",
       [](const Run& run) { return Json(run.result.spec_hash); }},
      {"startedAt", always, time(), "When the pass began.",
       [](const Run& run) { return Json(rfc3339(run.result.started)); }},
      {"durationSeconds", always, span(), "How long it took.",
       [](const Run& run) { return seconds(run.result.duration); }},
      {"exitCode", always, count(), "What the process exits with.",
       [](const Run& run) { return Json(run.exit_code); }},
      {"charts", always, list_of(described(chart_members())),
       "In the order of the spec, then what was withdrawn.", chart_list},
      {"summary", always, summary_shape(), "How many charts are in each state.", summary},
  };
}

}  // namespace

std::string result_json(const PassResult& result, int exit_code) {
  return written(run_members(), Run{result, exit_code}).dump(2) + "\n";
}

std::string result_json_schema() {
  Json schema = Json::object();
  schema.set("$schema", "https://json-schema.org/draft/2020-12/schema");
  schema.set("title", "SyncResult");
  schema.set("description", "What became of every chart in one pass of ocisync.");
  const Json document = described(run_members());
  for (const auto& [name, part] : document.members())
    schema.set(name, part);
  return schema.dump(2) + "\n";
}

}  // namespace ocisync
