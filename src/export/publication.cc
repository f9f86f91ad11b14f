#include "export/publication.h"

#include <string_view>

#include "base/error.h"

namespace ocisync {
namespace {

const std::string& text(const Json& json, std::string_view key) {
  const std::string* value = json.find_string(key);
  if (!value)
    throw Error(Reason::protocol_violation, "no text member " + std::string(key));
  return *value;
}

template <typename Value>
Value required(std::optional<Value> value, std::string_view key) {
  if (!value)
    throw Error(Reason::protocol_violation, "no valid member " + std::string(key));
  return *std::move(value);
}

TreeName parse_tree(const Json& json) {
  return {required(parse_export_format(text(json, "format")), "format"),
          required(Digest::try_parse(text(json, "manifest")), "manifest")};
}

WallTime parse_time(const Json& json, std::string_view key) {
  return required(parse_rfc3339(text(json, key)), key);
}

std::optional<Digest> parse_index(const Json& json) {
  const std::string* text = json.find_string("index");
  return text ? std::optional(required(Digest::try_parse(*text), "index")) : std::nullopt;
}

}  // namespace

Json to_json(const Superseded& superseded) {
  return Json::object()
      .set("format", to_string(superseded.tree.format))
      .set("manifest", superseded.tree.manifest.str())
      .set("supersededAt", rfc3339(superseded.at));
}

Json to_json(const Publication& publication) {
  Json json = Json::object();
  if (publication.index)
    json.set("index", publication.index->str());
  return json.set("path", publication.path)
      .set("owner", publication.owner)
      .set("chart", publication.chart)
      .set("layout", to_string(publication.layout))
      .set("format", to_string(publication.format))
      .set("manifest", publication.manifest.str())
      .set("chartName", publication.chart_name)
      .set("chartVersion", publication.chart_version)
      .set("reference", publication.reference)
      .set("published", rfc3339(publication.published));
}

Publication parse_publication(const Json& json) {
  const TreeName tree = parse_tree(json);
  return {.path = text(json, "path"),
          .owner = text(json, "owner"),
          .chart = text(json, "chart"),
          .layout = required(parse_layout(text(json, "layout")), "layout"),
          .format = tree.format,
          .manifest = tree.manifest,
          .index = parse_index(json),
          .chart_name = text(json, "chartName"),
          .chart_version = text(json, "chartVersion"),
          .reference = text(json, "reference"),
          .published = parse_time(json, "published")};
}

Superseded parse_superseded(const Json& json) {
  return {parse_tree(json), parse_time(json, "supersededAt")};
}

}  // namespace ocisync
