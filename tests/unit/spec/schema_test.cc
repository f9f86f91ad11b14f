#include "spec/schema.h"

#include <functional>

#include <gtest/gtest.h>

#include "loading.h"

namespace ocisync {
namespace {

std::string as_flow(const Json& value) {
  // JSON is YAML in flow style, which is all that the samples need.
  return value.dump();
}

// Visits every leaf of the table with the keys that lead to it; "[]" stands for an entry of a list.
using Visit = std::function<void(const std::vector<std::string>&, const FieldShape&, bool not_yet)>;

void walk(const Shape& object, std::vector<std::string>& keys, bool not_yet, const Visit& visit) {
  for (const FieldShape& field : object.fields) {
    const bool refused = not_yet || field.not_yet;
    keys.push_back(field.name);
    const bool is_list = field.value.kind == ValueKind::list;
    const Shape& inner = is_list ? field.value.item.front() : field.value;
    if (is_list && inner.kind == ValueKind::object)
      keys.emplace_back("[]");
    if (inner.kind == ValueKind::object)
      walk(inner, keys, refused, visit);
    else
      visit(keys, field, refused);
    if (keys.back() == "[]")
      keys.pop_back();
    keys.pop_back();
  }
}

void for_each_leaf(const Visit& visit) {
  std::vector<std::string> keys;
  walk(spec_shape(), keys, false, visit);
}

// What must stand beside a field for it to make sense.
std::string companions(const std::vector<std::string>& keys, const FieldShape& field) {
  const std::string parent = keys.size() < 2 ? "" : keys[keys.size() - 2];
  const std::string& name = field.name;
  if (keys.size() > 1 && keys[1] == "hooks") {
    if (parent == "[]")
      return name == "touch" ? "" : ", touch: /x";
    return parent == "exec" ? name == "command" ? "" : ", command: [x]"
           : name == "url"  ? ""
                            : ", url: \"http://h/\"";
  }
  if (name == "username")
    return ", passwordEnv: X";
  if (name == "passwordFile" || name == "passwordEnv")
    return ", username: bob";
  if (name == "certFile" || name == "keyFile")
    return name == "certFile" ? ", keyFile: /k" : ", certFile: /c";
  if (name == "repository" || name == "chart")
    return name == "chart" ? ", repository: \"https://h.example\"" : ", chart: legacy";
  if (parent == "proxy" && name != "url")
    return ", url: \"http://p:1\"";
  return "";
}

// The innermost map is `leaf`; every map around it gets what it requires.
std::string nested(const std::vector<std::string>& keys, std::size_t from,
                   const std::string& leaf) {
  if (from + 1 == keys.size())
    return leaf;
  const std::string inner = nested(keys, from + 1, leaf);
  if (keys[from] == "[]" && from > 0 && keys[from - 1] == "hooks")
    return inner.find("name: ") == 0 ? inner : "name: x, " + inner;
  const bool required = keys[from] == "[]" && inner.find("host: ") != 0 &&
                        inner.find("ref: ") != 0 && inner.find("repository: ") != 0 &&
                        inner.find("chart: ") != 0;
  if (keys[from] == "[]") {
    const bool chart = from > 0 && keys[from - 1] == "charts";
    const std::string needed = !required ? "" : chart ? "ref: h.example/x, " : "host: h.example, ";
    return needed + inner;
  }
  const bool list = keys[from + 1] == "[]";
  const std::string proxied =
      keys[from] == "proxy" && keys[from + 1] == "credentials" ? "url: \"http://p:1\", " : "";
  return keys[from] + (list ? ": [{" : ": {") + proxied + inner + (list ? "}]" : "}");
}

std::string document_for(const std::vector<std::string>& keys, const FieldShape& field,
                         const std::string& value) {
  const std::string leaf = field.name + ": " + value + companions(keys, field);
  if (keys.front() != "spec")
    return document_with(kOneChart);  // always present
  std::string body = nested(keys, 1, leaf);
  if (keys[1] != "charts")
    body += ", charts: [{ref: h.example/web}]";
  return fmt::format("{}spec: {{{}}}\n", kHeader, body);
}

TEST(Schema, EveryFieldHasAnExampleOrADefaultThatItsReaderTakes) {
  std::size_t leaves = 0;
  for_each_leaf([&](const std::vector<std::string>& keys, const FieldShape& field, bool not_yet) {
    ++leaves;
    const Json& value = field.fallback.is_null() ? field.sample : field.fallback;
    EXPECT_FALSE(value.is_null()) << fmt::format("{}", fmt::join(keys, "."));
    EXPECT_FALSE(field.doc.empty()) << fmt::format("{}", fmt::join(keys, "."));
    const std::string text = document_for(keys, field, as_flow(value));
    const std::string complaints = complaints_about({file_of(text)});
    const bool refused = complaints.find("is not supported yet") != std::string::npos;
    EXPECT_EQ(refused, not_yet) << text << complaints;
    EXPECT_TRUE(not_yet || complaints.empty()) << text << complaints;
  });
  EXPECT_GT(leaves, 90U);
}

TEST(Schema, EveryFieldOfItsKindRefusesAMap) {
  for_each_leaf([](const std::vector<std::string>& keys, const FieldShape& field, bool) {
    if (keys.front() != "spec")
      return;
    EXPECT_NE(complaints_about({file_of(document_for(keys, field, "{a: 1}"))}), "")
        << fmt::format("{}", fmt::join(keys, "."));
  });
}

const Json* property(const Json* schema, const std::string& name) {
  const Json* const properties = schema == nullptr ? nullptr : schema->find("properties");
  return properties == nullptr ? nullptr : properties->find(name);
}

// The part of the JSON Schema that describes the field these keys lead to.
const Json* described(const Json& schema, const std::vector<std::string>& keys) {
  const Json* found = &schema;
  for (const std::string& key : keys)
    found = key == "[]" ? found->find("items") : property(found, key);
  return found;
}

TEST(Schema, TheJsonSchemaDescribesEveryField) {
  const Json schema = Json::parse(spec_json_schema());
  EXPECT_EQ(*schema.find_string("$schema"), "https://json-schema.org/draft/2020-12/schema");
  for_each_leaf([&](const std::vector<std::string>& keys, const FieldShape& field, bool) {
    const Json* const found = described(schema, keys);
    ASSERT_NE(found, nullptr) << fmt::format("{}", fmt::join(keys, "."));
    EXPECT_NE(found->find_string("description"), nullptr);
    EXPECT_TRUE(found->find("type") != nullptr || found->find("anyOf") != nullptr);
    const Json* const fallback = found->find("default");
    EXPECT_EQ(fallback == nullptr ? Json() : *fallback, field.fallback);
  });
}

TEST(Schema, TheJsonSchemaIsStrict) {
  const Json schema = Json::parse(spec_json_schema());
  EXPECT_EQ(schema.find("additionalProperties")->boolean(), false);
  EXPECT_NE(schema.find("patternProperties")->find("^x-"), nullptr);
  const Json* const spec = property(&schema, "spec");
  EXPECT_EQ(spec->find("additionalProperties")->boolean(), false);
  const Json* const layout = property(property(spec, "export"), "layout");
  EXPECT_EQ(layout->find("anyOf")->items()[0].find("enum")->dump(),
            R"(["symlink","directory","snapshot"])");
  const Json* const chart = property(spec, "charts")->find("items");
  EXPECT_EQ(chart->find("oneOf")->dump(), R"([{"required":["ref"]},{"required":["repository"]}])");
  EXPECT_EQ(chart->find("dependentRequired")->dump(),
            R"({"repository":["chart"],"chart":["repository"]})");
  const Json* const tls = property(property(spec, "registries")->find("items"), "tls");
  EXPECT_EQ(tls->find("dependentRequired")->dump(),
            R"({"certFile":["keyFile"],"keyFile":["certFile"]})");
}

// A field's default said out loud must change nothing.
std::string facts_of(const Spec& spec) {
  std::string facts = fmt::format(
      "{} {} {} {} {} {} {} {} {}", spec.interval.count(), spec.jitter_percent,
      spec.retry.min.count(), spec.retry.max.count(), spec.timeout.count(),
      spec.stall_timeout.count(), spec.accept_stale.count(), spec.concurrency, spec.suspend);
  facts += fmt::format(" {} {} {}", spec.cache.max_size, spec.cache.min_age.count(),
                       spec.cache.group_write);
  const ExportSpec& exports = spec.exports;
  facts += fmt::format(" {} {} {} {} {} {} {}", to_string(exports.layout),
                       to_string(exports.format), exports.prune, exports.allow_empty,
                       exports.keep_revisions, exports.keep_for.count(), exports.group_write);
  const LimitsSpec& limits = spec.limits;
  facts += fmt::format(" {} {} {} {} {} {}", limits.archive_size, limits.unpacked_size,
                       limits.file_size, limits.entries, limits.ratio, limits.manifest_size);
  for (const ChartSpec& chart : spec.charts)
    facts += fmt::format(" {} {} {}", chart.required, chart.suspend, chart.immutable);
  for (const RegistrySpec& registry : spec.registries)
    facts += fmt::format(" {} {} {} {} {}", static_cast<int>(registry.allow_private_redirects),
                         registry.http2, registry.connections,
                         registry.tls.ca_mode == TlsSpec::CaMode::append,
                         registry.tls.insecure_skip_verify);
  return facts;
}

TEST(Schema, EveryDefaultItPrintsIsWhatAnEmptySpecYields) {
  const std::string empty = facts_of(spec_of("charts: [{ref: h.example/web}]\n"));
  const std::string with_registry =
      facts_of(spec_of("registries: [{host: h.example}]\ncharts: [{ref: h.example/web}]\n"));
  std::size_t checked = 0;
  for_each_leaf([&](const std::vector<std::string>& keys, const FieldShape& field, bool not_yet) {
    if (not_yet || field.fallback.is_null())
      return;
    ++checked;
    const std::string text = document_for(keys, field, as_flow(field.fallback));
    const LoadedSpec loaded = load_spec({file_of(text)}, environment_of({}));
    ASSERT_TRUE(loaded.spec) << text;
    EXPECT_EQ(facts_of(*loaded.spec), loaded.spec->registries.empty() ? empty : with_registry)
        << text;
  });
  EXPECT_GE(checked, 33U);
}

TEST(Schema, TheReferencePageIsASpecThatLoads) {
  const std::vector<SpecSource> files = {file_of(spec_reference_page())};
  const LoadedSpec loaded = load_spec(files, environment_of({}));
  EXPECT_EQ(describe_problems(loaded.problems, files), "0 problems\n");
}

TEST(Schema, TheReferencePageNamesEveryField) {
  const std::string page = spec_reference_page();
  for_each_leaf([&](const std::vector<std::string>& keys, const FieldShape& field, bool not_yet) {
    const std::string shown = field.name + ": ";
    EXPECT_NE(page.find(shown), std::string::npos) << fmt::format("{}", fmt::join(keys, "."));
    EXPECT_TRUE(!not_yet || page.find("not supported yet") != std::string::npos);
  });
}

}  // namespace
}  // namespace ocisync
