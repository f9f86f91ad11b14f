#include "chart/metadata.h"

#include <algorithm>
#include <vector>

#include <fmt/format.h>

#include "base/error.h"
#include "base/text.h"
#include "base/yaml.h"
#include "chart/field_reader.h"
#include "chart/yaml_text.h"
#include "oci/version.h"

namespace ocisync {
namespace {

constexpr std::size_t kLongestName = 250;  // room for a suffix within one file name

bool is_empty(const Json& value) {
  switch (value.kind()) {
    case Json::Kind::string:
      return value.string()->empty();
    case Json::Kind::boolean:
      return value == Json(false);
    case Json::Kind::array:
      return value.items().empty();
    case Json::Kind::object:
      return value.members().empty();
    case Json::Kind::null:
      return true;
    case Json::Kind::integer:
    case Json::Kind::real:
      return false;
  }
  return true;
}

void set_unless_empty(Json& object, std::string key, Json value) {
  if (!is_empty(value))
    object.set(std::move(key), std::move(value));
}

Json read_maintainer(const FieldReader& in) {
  Json out = Json::object();
  for (const char* key : {"name", "email", "url"})
    set_unless_empty(out, key, in.line(key));
  return out;
}

Json read_dependency(const FieldReader& in) {
  Json out = Json::object();
  out.set("name", in.line("name"));
  set_unless_empty(out, "version", in.line("version"));
  out.set("repository", in.line("repository"));
  set_unless_empty(out, "condition", in.line("condition"));
  set_unless_empty(out, "tags", in.lines("tags"));
  set_unless_empty(out, "enabled", in.flag("enabled"));
  set_unless_empty(out, "import-values", in.raw_list("import-values"));
  set_unless_empty(out, "alias", in.text("alias"));
  return out;
}

void check_name(std::string_view name) {
  if (name.empty())
    refuse_field("name", "is missing");
  if (name == "." || name == "..")
    refuse_field("name", "must not be a directory");
  if (name.size() > kLongestName)
    refuse_field("name", fmt::format("is longer than {} bytes", kLongestName));
  const bool plain = std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '-';
  });
  if (!plain)
    refuse_field("name", fmt::format("\"{}\" may hold letters, digits, \".\", \"_\" and \"-\" only",
                                     printable(name, 100)));
}

void check_version(std::string_view version) {
  if (version.empty())
    refuse_field("version", "is missing");
  if (version.size() > kLongestName || !Version::parse_loose(version))
    refuse_field("version",
                 fmt::format("\"{}\" is not a semantic version", printable(version, 100)));
}

void check_type(std::string_view type) {
  if (!type.empty() && type != "application" && type != "library")
    refuse_field("type",
                 fmt::format("\"{}\" is neither application nor library", printable(type, 100)));
}

std::string or_else(std::string text, std::string_view otherwise) {
  return text.empty() ? std::string(otherwise) : text;
}

// The order of fields is the order in which Helm writes them.
ChartMetadata read_metadata(const FieldReader& in, std::string_view name,
                            std::string_view version) {
  ChartMetadata result{or_else(in.line("name"), name), or_else(in.text("version"), version),
                       Json::object()};
  check_name(result.name);
  check_version(result.version);
  check_type(in.text("type"));
  Json& out = result.document;
  out.set("name", result.name);
  set_unless_empty(out, "home", in.line("home"));
  set_unless_empty(out, "sources", in.lines("sources"));
  out.set("version", result.version);
  set_unless_empty(out, "description", in.line("description"));
  set_unless_empty(out, "keywords", in.lines("keywords"));
  set_unless_empty(out, "maintainers", in.objects("maintainers", read_maintainer));
  set_unless_empty(out, "icon", in.line("icon"));
  out.set("apiVersion", or_else(in.text("apiVersion"), "v1"));
  set_unless_empty(out, "condition", in.line("condition"));
  set_unless_empty(out, "tags", in.line("tags"));
  set_unless_empty(out, "appVersion", in.line("appVersion"));
  set_unless_empty(out, "deprecated", in.flag("deprecated"));
  set_unless_empty(out, "annotations", in.texts_by_key("annotations"));
  set_unless_empty(out, "kubeVersion", in.line("kubeVersion"));
  set_unless_empty(out, "dependencies", in.objects("dependencies", read_dependency));
  set_unless_empty(out, "type", in.text("type"));
  return result;
}

}  // namespace

ChartMetadata read_chart_yaml(std::string_view text) {
  YamlOptions options;
  options.duplicates = YamlOptions::Duplicates::last_wins;
  options.documents = YamlOptions::Documents::first;
  options.nodes = 100'000;
  std::vector<YamlProblem> problems;
  const YamlValue tree = parse_yaml(text, options, problems);
  return during([] { return "reading Chart.yaml"; },
                [&] {
                  if (!problems.empty())
                    refuse_field(fmt::format("line {}:", problems[0].at.line), problems[0].message);
                  return read_metadata(FieldReader(tree, ""), "", "");
                });
}

ChartMetadata read_chart_json(std::string_view text, std::string_view name,
                              std::string_view version) {
  return during([] { return "reading the chart's metadata"; },
                [&] {
                  YamlValue tree;
                  try {
                    tree = tree_of(Json::parse(text));
                  } catch (const Error& error) {
                    throw Error(Reason::chart_invalid, error.message());
                  }
                  return read_metadata(FieldReader(tree, ""), name, version);
                });
}

std::string chart_json(const ChartMetadata& metadata) {
  return metadata.document.dump(-1, Json::Escape::html);
}

std::string chart_meta_json(const ChartMetadata& metadata) {
  Json document = metadata.document;
  document.erase("name");
  document.erase("version");
  return document.dump(-1, Json::Escape::html);
}

std::string chart_yaml(const ChartMetadata& metadata) { return yaml_text(metadata.document); }

}  // namespace ocisync
