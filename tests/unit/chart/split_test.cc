#include "chart/split.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unpacking.h"

namespace ocisync {
namespace {

using testing::ElementsAre;
using testing::Pair;

std::string content_blob() {
  return gzip(TarBuilder()
                  .file("-/Chart.yaml", "apiVersion: v1\nname: '-'\nversion: 0.1.0\n")
                  .file("-/values.yaml", "a: 1\n")
                  .file("-/charts/sub/Chart.yaml", "name: sub\n")
                  .finished());
}

UnpackedChart join(const TempDirectory& into, const std::string& content, const char* meta,
                   const char* name, const char* version) {
  MemorySource source(as_bytes(content));
  return join_split_chart(source, meta, name, version, into.directory(), {}, kDefaultModes);
}

TEST(SplitChart, IsJoinedFromMetaAndContent) {
  TempDirectory into;
  const UnpackedChart chart =
      join(into, content_blob(), R"({"description":"d","apiVersion":"v1"})", "u", "1.0.0");
  const std::string yaml = "apiVersion: v1\ndescription: d\nname: u\nversion: \"1.0.0\"\n";
  EXPECT_THAT(
      tree_below(into.path()),
      ElementsAre(Pair("Chart.yaml", yaml), Pair("charts/", ""), Pair("charts/sub/", ""),
                  Pair("charts/sub/Chart.yaml", "name: sub\n"), Pair("values.yaml", "a: 1\n")));
  EXPECT_EQ(chart.top, "-");
  EXPECT_EQ(chart.chart_yaml, yaml);
  EXPECT_EQ(chart.files[0].path, "Chart.yaml");
  EXPECT_EQ(chart.files[0].size, yaml.size());
  EXPECT_EQ(chart.files[0].digest, Digest::of(yaml));
  EXPECT_EQ(chart.unpacked_bytes, yaml.size() + 5 + 10);
}

TEST(SplitChart, IsInspectedAsItWouldBeJoined) {
  const std::string content = content_blob();
  const char* meta = R"({"description":"d","apiVersion":"v1"})";
  TempDirectory into;
  const UnpackedChart joined = join(into, content, meta, "u", "1.0.0");
  MemorySource source(as_bytes(content));
  const UnpackedChart seen = inspect_split_chart(source, meta, "u", "1.0.0", {});
  EXPECT_EQ(seen.chart_yaml, joined.chart_yaml);
  EXPECT_EQ(seen.values_yaml, "a: 1\n");
  EXPECT_EQ(seen.unpacked_bytes, joined.unpacked_bytes);
  ASSERT_EQ(seen.files.size(), joined.files.size());
  for (std::size_t i = 0; i < seen.files.size(); ++i) {
    EXPECT_EQ(seen.files[i].path, joined.files[i].path);
    EXPECT_EQ(seen.files[i].digest, joined.files[i].digest);
  }
}

TEST(SplitChart, WritesNothingUntilNameVersionAndMetaAreSound) {
  for (const auto& [meta, name, version] :
       {std::tuple("{}", "..", "1.0.0"), std::tuple("{}", "u", "latest"), std::tuple("{}", "", ""),
        std::tuple("not json", "u", "1.0.0")}) {
    TempDirectory into;
    EXPECT_EQ(
        reason_of([&, m = meta, n = name, v = version] { join(into, content_blob(), m, n, v); }),
        Reason::chart_invalid);
    EXPECT_TRUE(into.directory().names().empty());
  }
}

TEST(SplitChart, HoldsContentToTheRulesOfAnyArchive) {
  TempDirectory into;
  const std::string hostile =
      gzip(TarBuilder().file("-/Chart.yaml", "x").file("-/../../evil", "x").finished());
  EXPECT_EQ(reason_of([&] { join(into, hostile, "{}", "u", "1.0.0"); }), Reason::chart_invalid);
}

}  // namespace
}  // namespace ocisync
