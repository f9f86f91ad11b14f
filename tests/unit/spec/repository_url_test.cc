#include "spec/repository_url.h"

#include "loading.h"
#include "spec/spec.h"
#include "support/expect_error.h"

namespace ocisync {
namespace {

std::string called(std::string_view url, std::string_view chart = "web") {
  return classic_chart(url, chart).reference.str();
}

std::string refusal(std::string_view url) {
  const auto error = error_of([&] { classic_chart(url, "web"); });
  return error ? error->message() : "";
}

TEST(RepositoryUrl, GivesChartsAReference) {
  EXPECT_EQ(called("https://charts.example.com"), "charts.example.com/web");
  EXPECT_EQ(called("HTTPS://Charts.example.com:8443/team//stable/"),
            "charts.example.com:8443/team/stable/web");
  EXPECT_EQ(called("http://localhost/charts"), "localhost:80/charts/web");
  EXPECT_EQ(called("https://[::1]:8443"), "[::1]:8443/web");
}

TEST(RepositoryUrl, HashesWhatNoReferenceCanHave) {
  const std::string upper = called("https://h.example/Charts"),
                    query = called("https://h.example?a=b");
  EXPECT_EQ(upper.find("h.example/x-"), 0U);
  EXPECT_EQ(query.find("h.example/x-"), 0U);
  EXPECT_NE(upper, called("https://h.example/charts"));
  EXPECT_NE(query, called("https://h.example?a=c"));
  EXPECT_NE(called("https://h.example", "Web"), called("https://h.example", "web"));
  EXPECT_LT(called("https://h.example/" + std::string(1500, 'a')).size(), 60U);
}

TEST(RepositoryUrl, KeepsTheUrlAsItIsAsked) {
  EXPECT_EQ(classic_chart("https://h.example/Charts//", "web").url, "https://h.example/Charts");
  EXPECT_EQ(classic_chart("https://h.example/a?b=c", "web").url, "https://h.example/a?b=c");
  EXPECT_TRUE(classic_chart("http://h.example/", "web").plain_http);
}

TEST(RepositoryUrl, RefusesWhatIsNoRepository) {
  EXPECT_EQ(refusal("https://user:secret@h.example/"), "has credentials in it");
  EXPECT_EQ(refusal("oci://h.example/charts"), "is an OCI registry");
  EXPECT_EQ(refusal("https://h.example/index.yaml"), "names the index");
  EXPECT_EQ(refusal("https://h.example/#a"), "has a fragment");
  EXPECT_EQ(refusal("ftp://h.example"), "is not the URL of a chart repository");
  EXPECT_EQ(refusal("h.example/charts"), "is not the URL of a chart repository");
  EXPECT_EQ(refusal("https:///charts"), "has no host that could be asked");
  EXPECT_EQ(refusal("https://h.example/a b"), "has a byte that a URL cannot have, or is too long");
}

TEST(RepositoryUrl, IsReadFromASpec) {
  const Spec spec = spec_of(
      "registries: [{host: plain.example, plainHTTP: true}]\n"
      "charts:\n"
      "- {repository: https://h.example/charts, chart: Web, version: 1.2.3}\n"
      "- {name: db, repository: 'http://plain.example', chart: db, version: \"1.2\"}\n");
  ASSERT_EQ(spec.charts.size(), 2U);
  EXPECT_EQ(spec.charts[0].name, "Web");
  EXPECT_EQ(spec.charts[0].reference.tag(), "1.2.3");
  EXPECT_EQ(spec.charts[0].repository->url, "https://h.example/charts");
  EXPECT_EQ(spec.charts[0].written_ref, "https://h.example/charts/Web");
  EXPECT_TRUE(spec.charts[1].range);
  EXPECT_EQ(find_registry(spec, spec.charts[1].reference), &spec.registries[0]);
}

TEST(RepositoryUrl, SpecsThatCannotBeRight) {
  EXPECT_EQ(complaints_about({file_of(document_with(
                "charts:\n"
                "- {repository: http://h.example, chart: web}\n"
                "- {name: b, repository: https://u:secret@h.example, chart: web}\n"
                "- {name: c, repository: https://h.example}\n"
                "- {name: d, ref: oci://h.example/web:1.0.0, repository: x, chart: web}\n"))}),
            "6:18 spec.charts[0].repository: is plain http (use https, or set plainHTTP: true for "
            "its host)\n"
            "7:27 spec.charts[1].repository: has credentials in it (they belong into "
            "registries[].credentials)\n"
            "8:27 spec.charts[2].repository: has no chart beside it (they go together)\n"
            "9:5 spec.charts[3]: holds ref and repository (exactly one of ref, repository)\n");
}

}  // namespace
}  // namespace ocisync
