#include "chart/oci_annotations.h"

#include <gtest/gtest.h>

namespace ocisync {
namespace {

const std::string kPrefix = "org.opencontainers.image.";

TEST(OciAnnotations, TellWhatChartYamlSays) {
  const ChartMetadata chart = read_chart_yaml(
      "apiVersion: v2\nname: web\nversion: 1.0.0+build\ndescription: A chart\nhome: https://h\n"
      "sources: [https://one, https://two]\n"
      "maintainers: [{name: Al, email: al@example.com, url: https://al}, {name: Bo}]\n");
  EXPECT_EQ(oci_annotations(chart, parse_rfc3339("2024-03-04T05:06:07+01:00")),
            (Annotations{{kPrefix + "title", "web"},
                         {kPrefix + "version", "1.0.0+build"},
                         {kPrefix + "description", "A chart"},
                         {kPrefix + "url", "https://h"},
                         {kPrefix + "source", "https://one"},
                         {kPrefix + "authors", "Al (al@example.com), Bo"},
                         {kPrefix + "created", "2024-03-04T04:06:07Z"}}));
}

TEST(OciAnnotations, LeaveOutWhatIsBlank) {
  const ChartMetadata chart =
      read_chart_yaml("apiVersion: v2\nname: web\nversion: 1.0.0\ndescription: '  '\nhome: ''\n");
  EXPECT_EQ(oci_annotations(chart, std::nullopt),
            (Annotations{{kPrefix + "title", "web"}, {kPrefix + "version", "1.0.0"}}));
}

TEST(OciAnnotations, OfTheChartReplaceAllButItsNameAndVersion) {
  const ChartMetadata chart = read_chart_yaml(
      "apiVersion: v2\nname: web\nversion: 1.0.0\ndescription: A chart\nannotations:\n"
      "  org.opencontainers.image.title: other\n  org.opencontainers.image.version: '9'\n"
      "  org.opencontainers.image.description: another\n  custom/x: ''\n");
  EXPECT_EQ(oci_annotations(chart, std::nullopt), (Annotations{{kPrefix + "title", "web"},
                                                               {kPrefix + "version", "1.0.0"},
                                                               {kPrefix + "description", "another"},
                                                               {"custom/x", ""}}));
}

}  // namespace
}  // namespace ocisync
