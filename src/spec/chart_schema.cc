#include <fmt/format.h>

#include "spec/chart_entry.h"
#include "spec/codec.h"
#include "spec/schema.h"

namespace ocisync {
namespace {

template <typename Value>
auto of_chart(Value ChartSpec::*member) {
  return [member](auto& draft) -> auto& { return draft.chart.*member; };
}

Object<ChartDraft> chart_export_schema() {
  return Object<ChartDraft>({
      field<ChartDraft>(
          "path", &ChartDraft::path,
          text({"an export path", "relative, components like chart names, so neither .. nor hidden",
                fmt::format("{0}(/+{0})*/*", kNamePattern), 1024}),
          "Where it stands, relative to the path of spec.export. Default: its name.")
          .sample("team-a/web"),
      field<ChartDraft>("format", &ChartDraft::format, format_choice(),
                        "What is published of it. Default: as spec.export says.")
          .sample("both"),
  });
}

std::vector<Field<ChartDraft>> source_fields() {
  return {
      field<ChartDraft>("ref", &ChartDraft::ref,
                        any_text("a reference", "oci://host[:port]/repository[:tag][@digest]"),
                        "Where the chart is: oci://host[:port]/repository[:tag][@digest]. A digest "
                        "is what is published, whatever the tag says.")
          .sample("oci://registry.example.com:5000/charts/web"),
      field<ChartDraft>(
          "name", &ChartDraft::name,
          text({"a chart name", "letters, digits and . _ - behind the first, at most 63",
                kNamePattern}),
          "What it is called here, unique whatever the case. Default: the last "
          "component of the repository.")
          .sample("web"),
      field<ChartDraft>("version", &ChartDraft::version,
                        any_text("a version or a range", "such as 1.2.3 or \"^1.2\""),
                        "A complete x.y.z is that tag; anything else is a range, of which the "
                        "highest version is taken. Default: the highest stable version.")
          .sample("^1.2"),
      field<ChartDraft>("tagFilter", &ChartDraft::tag_filter,
                        any_text("a regular expression", "ECMAScript, matched as a whole"),
                        "Only tags that match this as a whole are looked at by a range.")
          .sample("1\\.[0-9]+\\.[0-9]+"),
      field<ChartDraft>(
          "repository", &ChartDraft::repository,
          any_text("a repository's URL", "https://host[:port][/path], where index.yaml is"),
          "A classic chart repository, instead of ref. http is for hosts with plainHTTP.")
          .needs("chart")
          .alternative()
          .sample("https://charts.example.com"),
      field<ChartDraft>("chart", &ChartDraft::chart_name,
                        text({"a chart's name", "letters, digits and . _ -, as in the index",
                              "[A-Za-z0-9][A-Za-z0-9._-]*", 128}),
                        "The chart's name in that repository.")
          .needs("repository")
          .alternative()
          .sample("legacy"),
  };
}

}  // namespace

Object<ChartDraft> chart_schema() {
  std::vector<Field<ChartDraft>> fields = source_fields();
  fields.push_back(field<ChartDraft>("required", of_chart(&ChartSpec::required), flag(),
                                     "Whether exit code and readiness depend on it."));
  fields.push_back(field<ChartDraft>("suspend", of_chart(&ChartSpec::suspend), flag(),
                                     "Leave its export as it is."));
  fields.push_back(field<ChartDraft>("immutable", of_chart(&ChartSpec::immutable), flag(),
                                     "Its tag never moves: resolved once, never asked again."));
  fields.push_back(field<ChartDraft>("interval", of_chart(&ChartSpec::interval),
                                     duration(std::chrono::seconds(1)),
                                     "How often it is checked. Default: the interval of spec.")
                       .sample("1m"));
  fields.push_back(section<ChartDraft>("export", chart_export_schema(), "How it is shown."));
  fields.push_back(later<ChartDraft>(
      verify_shape("Its verification policy, instead of that of spec; an empty one changes "
                   "nothing.")));
  return Object<ChartDraft>(std::move(fields))
      .exactly_one({"ref", "repository"})
      .check(settle_chart);
}

}  // namespace ocisync
