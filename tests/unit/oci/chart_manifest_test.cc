#include <algorithm>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "oci/manifest.h"
#include "support/failure.h"

namespace ocisync {
namespace {

using testing::HasSubstr;

Descriptor blob(std::string_view type, std::string_view text, Annotations annotations = {}) {
  return {.media_type = std::string(type),
          .digest = Digest::of(text),
          .size = text.size(),
          .artifact_type = {},
          .annotations = std::move(annotations)};
}

Annotations titled(const char* title) { return {{"org.opencontainers.image.title", title}}; }

Annotations chart_content() {
  Annotations result = titled("chart-content.tgz");
  result.emplace("sh.helm.chart.name", "web");
  result.emplace("sh.helm.chart.version", "1.2.3");
  return result;
}

const Descriptor kHelmConfigBlob = blob(media_type::kHelmConfig, "config");
const Descriptor kImageConfigBlob = blob(media_type::kImageConfig, "{}");
const Descriptor kProvenanceBlob = blob(media_type::kProvenance, "signed");
const Descriptor kUnknown = blob("application/x-readme", "readme");

Manifest manifest(const Descriptor& config, std::vector<Descriptor> layers) {
  return {config, std::move(layers), {}};
}

TEST(ChartManifest, RecognisesEveryFormatHelmEverPushed) {
  const Descriptor alpha1 = blob(media_type::kChartAlpha1, "content", chart_content());
  const Descriptor meta1 = blob(media_type::kMetaAlpha1, "meta", titled("chart-meta.json"));
  const Descriptor alpha2 = blob(media_type::kChartBeta, "content", chart_content());
  const Descriptor meta2 = blob(media_type::kMetaAlpha2, "meta", titled("chart-meta.json"));

  const struct {
    Manifest manifest;
    ChartFormat format;
    const char* name;
    bool split;
  } rows[] = {
      {manifest(kHelmConfigBlob, {blob(media_type::kChart, "content")}), ChartFormat::current,
       "current", false},
      {manifest(kHelmConfigBlob, {blob(media_type::kChartLegacy, "content")}), ChartFormat::legacy,
       "legacy", false},
      {manifest(kHelmConfigBlob, {blob(media_type::kChartBeta, "content")}), ChartFormat::beta,
       "beta", false},
      {manifest(kHelmConfigBlob, {meta2, alpha2}), ChartFormat::alpha2, "alpha2", true},
      {manifest(kImageConfigBlob, {meta1, alpha1}), ChartFormat::alpha1, "alpha1", true},
      {manifest(kUnknown, {alpha1, kUnknown, meta1}), ChartFormat::alpha1, "alpha1", true},
  };

  for (const auto& row : rows) {
    const ChartManifest chart = recognise_chart(row.manifest);
    EXPECT_EQ(chart.format, row.format) << row.name;
    EXPECT_EQ(to_string(chart.format), row.name);
    EXPECT_EQ(chart.split(), row.split);
    EXPECT_EQ(chart.content.digest, Digest::of("content"));
    EXPECT_EQ(chart.config.digest, Digest::of(row.split ? "meta" : "config"));
    EXPECT_EQ(chart.name, row.split ? "web" : "");
    EXPECT_EQ(chart.version, row.split ? "1.2.3" : "");
    EXPECT_FALSE(chart.provenance);
  }
}

TEST(ChartManifest, FindsLayersByTypeWhateverTheirOrder) {
  std::vector<Descriptor> layers = {blob(media_type::kChart, "content"), kProvenanceBlob, kUnknown};
  const auto before = [](const Descriptor& a, const Descriptor& b) { return a.digest < b.digest; };
  std::sort(layers.begin(), layers.end(), before);
  do {
    const ChartManifest chart = recognise_chart(manifest(kHelmConfigBlob, layers));
    EXPECT_EQ(chart.content.media_type, media_type::kChart);
    ASSERT_TRUE(chart.provenance);
    EXPECT_EQ(chart.provenance->digest, kProvenanceBlob.digest);
  } while (std::next_permutation(layers.begin(), layers.end(), before));
}

TEST(ChartManifest, PrefersTheCurrentTypeToItsOldAlias) {
  const ChartManifest chart = recognise_chart(manifest(
      kHelmConfigBlob, {blob(media_type::kChartLegacy, "old"), blob(media_type::kChart, "new")}));
  EXPECT_EQ(chart.format, ChartFormat::current);
  EXPECT_EQ(chart.content.digest, Digest::of("new"));
}

TEST(ChartManifest, DoesNotChooseBetweenTwoCharts) {
  for (const std::string_view type :
       {media_type::kChart, media_type::kChartLegacy, media_type::kChartBeta}) {
    const auto error = failure_of([&] {
      recognise_chart(manifest(kHelmConfigBlob, {blob(type, "one"), blob(type, "two")}));
    });
    ASSERT_TRUE(error) << type;
    EXPECT_EQ(error->reason(), Reason::ambiguous_chart);
    EXPECT_THAT(error->what(), HasSubstr(Digest::of("two").str()));
  }
  const Descriptor meta = blob(media_type::kMetaAlpha1, "meta", titled("chart-meta.json"));
  const Descriptor one = blob(media_type::kChartAlpha1, "one", chart_content());
  const Descriptor two = blob(media_type::kChartAlpha1, "two", chart_content());
  EXPECT_EQ(reason_of([&] {
              recognise_chart(manifest(kImageConfigBlob, {meta, one, two}));
            }),
            Reason::ambiguous_chart);
}

TEST(ChartManifest, NamesWhatItFoundInsteadOfAChart) {
  const Descriptor content = blob(media_type::kChart, "content");
  const Descriptor rootfs = blob("application/vnd.oci.image.layer.v1.tar+gzip", "rootfs");
  const Descriptor empty = blob("application/vnd.oci.empty.v1+json", "{}");

  const struct {
    Manifest manifest;
    std::string said;
  } rows[] = {
      {manifest(kImageConfigBlob, {rootfs}), "this is an image, not a chart"},
      {manifest(kImageConfigBlob, {content}), "image.config.v1+json"},
      {manifest(blob("application/vnd.docker.container.image.v1+json", "{}"), {rootfs}),
       "an image"},
      {manifest(empty, {kUnknown}), "oci.empty.v1+json"},
      {manifest(empty, {content}), "oci.empty.v1+json"},
      {manifest(kHelmConfigBlob, {}), "without any layer"},
      {manifest(kHelmConfigBlob, {kProvenanceBlob}), "provenance.v1.prov"},
      {manifest(kImageConfigBlob, {blob(media_type::kChartLegacy, "tgz")}), "not a chart"},
  };

  for (const auto& row : rows) {
    const auto error = failure_of([&] { recognise_chart(row.manifest); });
    ASSERT_TRUE(error) << row.said;
    EXPECT_EQ(error->reason(), Reason::unsupported) << row.said;
    EXPECT_THAT(error->what(), HasSubstr(row.said));
  }
}

TEST(ChartManifest, HoldsAlphaChartsToTheRulesOfTheirClients) {
  const Descriptor meta = blob(media_type::kMetaAlpha1, "meta", titled("chart-meta.json"));
  const Descriptor content = blob(media_type::kChartAlpha1, "content", chart_content());
  Annotations nameless = chart_content();
  nameless.erase("sh.helm.chart.name");
  Annotations versionless = chart_content();
  versionless["sh.helm.chart.version"] = "";
  Annotations untitled = chart_content();
  untitled["org.opencontainers.image.title"] = "";

  const struct {
    std::vector<Descriptor> layers;
    std::string said;
  } rows[] = {
      {{content}, "meta.v1+json"},
      {{blob(media_type::kMetaAlpha1, "meta"), content}, "meta.v1+json"},
      {{blob(media_type::kMetaAlpha1, "", titled("t")), content}, "meta.v1+json"},
      {{meta, blob(media_type::kChartAlpha1, "", chart_content())}, "content.v1+tar"},
      {{meta, blob(media_type::kChartAlpha1, "content", untitled)}, "content.v1+tar"},
      {{meta, blob(media_type::kChartAlpha1, "content", nameless)}, "sh.helm.chart.name"},
      {{meta, blob(media_type::kChartAlpha1, "content", versionless)}, "sh.helm.chart.version"},
  };

  for (const auto& row : rows) {
    const auto error = failure_of([&] { recognise_chart(manifest(kImageConfigBlob, row.layers)); });
    ASSERT_TRUE(error) << row.said;
    EXPECT_EQ(error->reason(), Reason::unsupported);
    EXPECT_THAT(error->what(), HasSubstr(row.said));
  }
}

TEST(ChartManifest, SkipsAlphaLayersThatHaveNoTitle) {
  const Descriptor stray = blob(media_type::kChartAlpha1, "stray");
  const Descriptor meta = blob(media_type::kMetaAlpha1, "meta", titled("chart-meta.json"));
  const Descriptor content = blob(media_type::kChartAlpha1, "content", chart_content());
  EXPECT_EQ(recognise_chart(manifest(kImageConfigBlob, {stray, meta, content})).content.digest,
            content.digest);
}

// The documentation's own push: "2 layers, 478 B total" is 19 bytes of meta and 459 of content.
TEST(ChartManifest, WritesTheSplitFormatAsHelmAlphaDid) {
  const std::string text = split_manifest(blob("", R"({"apiVersion":"v1"})"),
                                          blob("", std::string(459, 'c')), "mychart", "2.7.0");
  EXPECT_EQ(
      text,
      R"({"schemaVersion":2,"config":{"mediaType":"application/vnd.oci.image.config.v1+json",)"
      R"("digest":"sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a",)"
      R"("size":2},"layers":[{"mediaType":"application/vnd.cncf.helm.chart.meta.v1+json",)"
      R"("digest":"sha256:ca9588a9340fb83a62777cd177dae4ba5ab52061a1618ce2e21930b86c412d9e",)"
      R"("size":19,"annotations":{"org.opencontainers.image.title":"chart-meta.json"}},)"
      R"({"mediaType":"application/vnd.cncf.helm.chart.content.v1+tar","digest":")" +
          Digest::of(std::string(459, 'c')).str() +
          R"(","size":459,"annotations":{"org.opencontainers.image.title":"chart-content.tgz",)"
          R"("sh.helm.chart.name":"mychart","sh.helm.chart.version":"2.7.0"}}]})");
  const ChartManifest read =
      recognise_chart(std::get<Manifest>(parse_document(text, media_type::kManifest)));
  EXPECT_EQ(read.format, ChartFormat::alpha1);
  EXPECT_EQ(read.name, "mychart");
  EXPECT_EQ(read.version, "2.7.0");
}

TEST(ChartManifest, WritesTheCurrentFormatAsHelmDoes) {
  const Descriptor config = blob("", "config");
  const Descriptor content = blob("", "content");
  EXPECT_EQ(
      current_manifest(config, content, std::nullopt, {}),
      R"({"schemaVersion":2,"config":{"mediaType":"application/vnd.cncf.helm.config.v1+json",)"
      R"("digest":")" +
          config.digest.str() +
          R"(","size":6},"layers":[{"mediaType":)"
          R"("application/vnd.cncf.helm.chart.content.v1.tar+gzip","digest":")" +
          content.digest.str() + R"(","size":7}]})");
  const std::string text =
      current_manifest(config, content, kProvenanceBlob, {{"b", "<&>"}, {"a", "1"}});
  EXPECT_THAT(text, testing::EndsWith(R"(,"annotations":{"a":"1","b":"\u003c\u0026\u003e"}})"));
  const ChartManifest read =
      recognise_chart(std::get<Manifest>(parse_document(text, media_type::kManifest)));
  EXPECT_EQ(read.format, ChartFormat::current);
  EXPECT_EQ(read.provenance.value().digest, kProvenanceBlob.digest);
}

}  // namespace
}  // namespace ocisync
