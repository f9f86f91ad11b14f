#include "spec/chart_entry.h"

#include <gtest/gtest.h>

#include "loading.h"

namespace ocisync {
namespace {

constexpr std::string_view kDigest =
    "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

ChartSpec chart_of(const std::string& fields) {
  Spec spec = spec_of("charts: [{" + fields + "}]\n");
  return spec.charts.empty() ? ChartSpec(Reference::parse("host.invalid/x")) : spec.charts[0];
}

std::string complaint_about(const std::string& fields) {
  return complaints_about({file_of(document_with("charts: [{" + fields + "}]\n"))});
}

TEST(ChartEntry, FindsItsRevisionInExactlyOneWay) {
  struct Case {
    std::string fields;
    std::string reference;
    std::string range;
  };

  const std::string pinned = fmt::format("h.example/web@{}", kDigest);
  const std::string both = fmt::format("h.example/web:1.2.3@{}", kDigest);
  const std::vector<Case> cases = {
      {"ref: h.example/web", "h.example/web", "*"},
      {"ref: h.example/web:1.2.3", "h.example/web:1.2.3", ""},
      {"ref: h.example/web:latest", "h.example/web:latest", ""},
      {"ref: h.example/web, version: 1.2.3", "h.example/web:1.2.3", ""},
      {"ref: h.example/web, version: 1.2.3-rc.1+build.5", "h.example/web:1.2.3-rc.1_build.5", ""},
      {"ref: h.example/web, version: \"1.2\"", "h.example/web", "1.2"},
      {"ref: h.example/web, version: v1.2.3", "h.example/web", "v1.2.3"},
      {"ref: h.example/web, version: \"^1.2\"", "h.example/web", "^1.2"},
      {"ref: h.example/web, version: \" 1.2.3\"", "h.example/web", " 1.2.3"},
      {"ref: h.example/web:1.2.3, version: 1.2.3", "h.example/web:1.2.3", ""},
      {"ref: h.example/web:1.2.3_b, version: 1.2.3+b", "h.example/web:1.2.3_b", ""},
      {"ref: h.example/web:v1, version: v1", "h.example/web:v1", ""},
      {"ref: \"" + pinned + "\"", pinned, ""},
      {"ref: \"" + both + "\"", both, ""},
      {"ref: \"" + pinned + "\", version: 1.2.3", both, ""},
      {"ref: \"" + both + "\", version: 1.2.3", both, ""},
  };
  for (const auto& [fields, reference, range] : cases) {
    const ChartSpec chart = chart_of(fields);
    EXPECT_EQ(chart.reference.str(), reference) << fields;
    EXPECT_EQ(chart.range_text, range) << fields;
    EXPECT_EQ(chart.range.has_value(), !range.empty()) << fields;
  }
}

TEST(ChartEntry, RefusesWhatContradictsItself) {
  const std::string digest(kDigest);
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"ref: h.example/web:1.2.3, version: 1.2.4",
       "5:48 spec.charts[0].version: does not say the same as tag 1.2.3 of ref (give one of them)"},
      {"ref: h.example/web:1.2.3, version: ^1",
       "5:48 spec.charts[0].version: does not say the same as tag 1.2.3 of ref (give one of them)"},
      {"version: ^1, ref: \"h.example/web@" + digest + "\"",
       "5:22 spec.charts[0].version: is a range beside a digest, which leaves nothing to choose "
       "(remove one of them, or give a complete x.y.z)"},
      {"ref: h.example/web:1.2.3, tagFilter: \"1.*\"",
       "5:50 spec.charts[0].tagFilter: filters nothing: the chart is pinned (it goes with a "
       "version range)"},
  };
  for (const auto& [fields, expected] : cases)
    EXPECT_EQ(complaint_about(fields), expected + "\n");
}

TEST(ChartEntry, RepeatsWhatTheGrammarsSay) {
  for (const std::string fields :
       {"ref: h.example", "ref: https://h.example/web", "ref: h.example/Web",
        "ref: h.example/web:a/b", "ref: docker.io/nginx", "ref: \"h.example/web@sha256:12\"",
        "ref: h.example/web, version: \"^^1\"", "ref: h.example/web, version: latest",
        "ref: h.example/web, version: 1.2.3.4"}) {
    const std::string complaint = complaint_about(fields);
    EXPECT_NE(complaint.find(" spec.charts[0]."), std::string::npos) << fields;
    EXPECT_EQ(complaint.find('\n'), complaint.size() - 1) << complaint;
  }
  EXPECT_NE(complaint_about("ref: docker.io/nginx").find("library/nginx"), std::string::npos);
}

TEST(ChartEntry, ATagFilterMatchesWholeTags) {
  const ChartSpec chart = chart_of("ref: h.example/web, tagFilter: \"1\\\\.[0-9]+|edge\"");
  ASSERT_TRUE(chart.tag_filter);
  EXPECT_TRUE(std::regex_match("1.10", *chart.tag_filter));
  EXPECT_FALSE(std::regex_match("21.10", *chart.tag_filter));
  EXPECT_FALSE(std::regex_match("edge-1", *chart.tag_filter));
}

TEST(ChartEntry, ATagFilterThatCouldRunForeverDoesNot) {
  const ChartSpec chart = chart_of("ref: h.example/web, tagFilter: \"(a*)*b\"");
  ASSERT_TRUE(chart.tag_filter);
  EXPECT_FALSE(std::regex_match(std::string(128, 'a'), *chart.tag_filter));
}

TEST(ChartEntry, RefusesATagFilterThatCannotBeUsed) {
  for (const std::string& filter : {std::string("("), std::string("[z-a]"), std::string("(a)\\\\1"),
                                    std::string("a{999}{999}{999}"), std::string(257, 'a')})
    EXPECT_NE(complaint_about("ref: h.example/web, tagFilter: \"" + filter + "\"")
                  .find("spec.charts[0].tagFilter: is not a regular expression that can be used"),
              std::string::npos)
        << filter;
}

TEST(ChartEntry, WarnsOfAVersionThatIsANumber) {
  const Spec spec = spec_of("charts: [{ref: h.example/web, version: 1.10}]\n");
  ASSERT_EQ(spec.warnings.size(), 1U);
  EXPECT_EQ(spec.warnings[0],
            "charts.yaml:5:42: spec.charts[0].version: 1.10 is a number to most readers of YAML, "
            "which may drop its zeros (write \"1.10\")");
  EXPECT_TRUE(spec_of("charts: [{ref: h.example/web, version: \"1.10\"}]\n").warnings.empty());
  EXPECT_TRUE(spec_of("charts: [{ref: h.example/web, version: 1.10.0}]\n").warnings.empty());
}

TEST(ChartEntry, NamesKeepToTheGrammarOfFileNames) {
  EXPECT_EQ(chart_of("ref: h.example/web, name: A.b_c-9").name, "A.b_c-9");
  EXPECT_EQ(chart_of("ref: h.example/web, name: " + std::string(63, 'a')).name.size(), 63U);
  for (const std::string& name :
       {std::string("\".hidden\""), std::string("\"..\""), std::string("a/b"), std::string("-a"),
        std::string("\"a b\""), std::string(64, 'a')})
    EXPECT_NE(complaint_about("ref: h.example/web, name: " + name).find("is not a chart name"),
              std::string::npos)
        << name;
  EXPECT_NE(complaint_about("ref: h.example/" + std::string(64, 'a')).find("give the chart a name"),
            std::string::npos);
}

TEST(ChartEntry, ExportPathsStayInsideAndVisible) {
  EXPECT_EQ(chart_of("ref: h.example/web, export: {path: current}").export_path, "current");
  EXPECT_EQ(chart_of("ref: h.example/web, export: {path: a/b/c}").export_path, "a/b/c");
  EXPECT_EQ(chart_of("ref: h.example/web, export: {path: a///b//}").export_path, "a/b");
  for (const std::string path :
       {"/abs", "../x", "a/../b", ".ocisync", "a/.b", ".", "a b", "\"a\\n\"", "/"})
    EXPECT_NE(complaint_about("ref: h.example/web, export: {path: " + path + "}")
                  .find("spec.charts[0].export.path: "),
              std::string::npos)
        << path;
}

TEST(ChartEntry, ExportPathsAreNeitherEqualNorNested) {
  const auto complaint = [](const std::string& a, const std::string& b) {
    return complaints_about(
        {file_of(document_with("charts:\n- {name: a, ref: h.example/x, export: {path: " + a +
                               "}}\n- {name: b, ref: h.example/x, export: {path: " + b + "}}\n"))});
  };
  EXPECT_EQ(complaint("t/web", "t/WEB"),
            "7:48 spec.charts[1].export.path: t/WEB equals t/web at charts.yaml:6:48 (paths are "
            "neither equal nor nested)\n");
  EXPECT_EQ(complaint("t", "t/web"),
            "7:48 spec.charts[1].export.path: t/web lies in t at charts.yaml:6:48 (paths are "
            "neither equal nor nested)\n");
  EXPECT_EQ(complaint("t/web", "t"),
            "7:48 spec.charts[1].export.path: t holds t/web at charts.yaml:6:48 (paths are neither "
            "equal nor nested)\n");
  EXPECT_EQ(complaint("t-1", "t/web"), "");
  EXPECT_EQ(complaint("t/web", "t/web-2"), "");
}

TEST(ChartEntry, ADefaultPathCollidesLikeAWrittenOne) {
  EXPECT_EQ(complaints_about({file_of(document_with(
                "charts: [{ref: h.example/web}, {ref: h.example/db, export: {path: web/db}}]\n"))}),
            "5:69 spec.charts[1].export.path: web/db lies in web at charts.yaml:5:18 (paths are "
            "neither equal nor nested)\n");
}

}  // namespace
}  // namespace ocisync
