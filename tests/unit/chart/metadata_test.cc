#include "chart/metadata.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/yaml.h"
#include "oci/digest.h"
#include "support/failure.h"

namespace ocisync {
namespace {

using testing::HasSubstr;

constexpr std::string_view kFullYaml = R"(apiVersion: v2
name: mychart
version: 1.2.3
description: A test chart
type: application
appVersion: "9.9"
kubeVersion: ">=1.20.0-0"
home: https://example.com/home
icon: https://example.com/icon.png
sources:
  - https://example.com/src1
  - https://example.com/src2
keywords: [a, b]
maintainers:
  - name: Al
    email: al@example.com
  - name: Bo
    url: https://bo.example
annotations:
  org.opencontainers.image.version: override-not-allowed
  org.opencontainers.image.licenses: Apache-2.0
  custom/x: "y"
deprecated: false
tags: ""
unknown: {ignored: [1, 2]}
)";

// What Helm 3 and 4 push for the chart above, byte for byte.
constexpr std::string_view kFullJson =
    R"({"name":"mychart","home":"https://example.com/home","sources":["https://example.com/src1",)"
    R"("https://example.com/src2"],"version":"1.2.3","description":"A test chart","keywords":["a",)"
    R"("b"],"maintainers":[{"name":"Al","email":"al@example.com"},{"name":"Bo",)"
    R"("url":"https://bo.example"}],"icon":"https://example.com/icon.png","apiVersion":"v2",)"
    R"("appVersion":"9.9","annotations":{"custom/x":"y",)"
    R"("org.opencontainers.image.licenses":"Apache-2.0",)"
    R"("org.opencontainers.image.version":"override-not-allowed"},"kubeVersion":"\u003e=1.20.0-0",)"
    R"("type":"application"})";

constexpr std::string_view kBare = "name: u\nversion: 1.0.0\n";

std::string json_of(const std::string& yaml) { return chart_json(read_chart_yaml(yaml)); }

// The document without name and version, for a chart with some more lines.
std::string meta_with(const std::string& lines) {
  return chart_meta_json(read_chart_yaml(std::string(kBare) + lines));
}

TEST(ChartMetadata, BecomesTheConfigThatHelmPushes) {
  const ChartMetadata chart = read_chart_yaml(kFullYaml);
  EXPECT_EQ(chart.name, "mychart");
  EXPECT_EQ(chart.version, "1.2.3");
  EXPECT_EQ(chart_json(chart), kFullJson);
  EXPECT_EQ(chart_json(chart).size(), 548U);
  EXPECT_EQ(Digest::of(chart_json(chart)).hex(),
            "982fcf20657b5b5336979300a37531877b83282ff355e9e8c121cfa79717827b");
}

TEST(ChartMetadata, BecomesTheMetaBlobOfTheFirstFormat) {
  EXPECT_EQ(meta_with("apiVersion: v1\n"), R"({"apiVersion":"v1"})");
  EXPECT_EQ(meta_with(""), R"({"apiVersion":"v1"})");  // absent means v1
  EXPECT_EQ(Digest::of(meta_with("")).hex(),
            "ca9588a9340fb83a62777cd177dae4ba5ab52061a1618ce2e21930b86c412d9e");
}

TEST(ChartMetadata, WritesFieldsInTheOrderOfHelm) {
  EXPECT_EQ(
      json_of("type: library\ndependencies: [{alias: a, import-values: [data, {parent: p, "
              "child: c, n: 1.50}], enabled: true, tags: [t], condition: c, repository: r, "
              "version: '1', name: d}, {name: e}]\n"
              "kubeVersion: k\nannotations: {b: 2, a: 1}\ndeprecated: true\nappVersion: 1.10\n"
              "tags: t\ncondition: c\napiVersion: v2\nicon: i\n"
              "maintainers: [{url: u, email: e, name: Zed}, {}]\nkeywords: [k, ~]\n"
              "description: d\nversion: 1.0.0\nsources: [s]\nhome: h\nname: u\n"),
      R"({"name":"u","home":"h","sources":["s"],"version":"1.0.0","description":"d",)"
      R"("keywords":["k",""],"maintainers":[{"name":"Zed","email":"e","url":"u"},{}],"icon":"i",)"
      R"("apiVersion":"v2","condition":"c","tags":"t","appVersion":"1.1","deprecated":true,)"
      R"("annotations":{"a":"1","b":"2"},"kubeVersion":"k","dependencies":[{"name":"d",)"
      R"("version":"1","repository":"r","condition":"c","tags":["t"],"enabled":true,)"
      R"("import-values":["data",{"child":"c","n":1.5,"parent":"p"}],"alias":"a"},)"
      R"({"name":"e","repository":""}],"type":"library"})");
}

TEST(ChartMetadata, EscapesAndSanitisesAsHelmDoes) {
  EXPECT_EQ(meta_with("apiVersion: v2\ndescription: \"a<b>&c é ☃\"\n"),
            R"({"description":"a\u003cb\u003e\u0026c é ☃","apiVersion":"v2"})");
  EXPECT_EQ(
      meta_with("description: \"one\\ntwo\\tthree\\u2028four\\u200b\\a\"\n"
                "maintainers: [{name: \"A\\nB\"}]\nkeywords: [\"x\\ty\"]\n"
                "annotations: {a: \"kept\\nas\\tis\"}\n"),
      R"({"description":"one two three four","keywords":["x y"],)"
      R"("maintainers":[{"name":"A B"}],"apiVersion":"v1","annotations":{"a":"kept\nas\tis"}})");
}

TEST(ChartMetadata, ReadsYamlAsHelmDoes) {
  EXPECT_EQ(json_of("Name: u\nVERSION: 1.0.0\n"),
            R"({"name":"u","version":"1.0.0","apiVersion":"v1"})");
  EXPECT_EQ(json_of("name: u\nversion: 1\nname: v\n"),
            R"({"name":"v","version":"1","apiVersion":"v1"})");
  EXPECT_EQ(json_of("name: lower\nName: upper\nversion: 1.2\n"),
            R"({"name":"lower","version":"1.2","apiVersion":"v1"})");
  EXPECT_EQ(json_of("name: u\nversion: 1.0.0\n---\nname: second\n"),
            R"({"name":"u","version":"1.0.0","apiVersion":"v1"})");
  EXPECT_EQ(json_of(R"({"name": "u", "version": "1.0.0", "apiVersion": "v2"})"),
            R"({"name":"u","version":"1.0.0","apiVersion":"v2"})");
  EXPECT_EQ(json_of("\xEF\xBB\xBFname: u\r\nversion: 1.0.0\r\n"),
            R"({"name":"u","version":"1.0.0","apiVersion":"v1"})");
  EXPECT_EQ(json_of("name: y\nversion: 1.10\n"),
            R"({"name":"true","version":"1.1","apiVersion":"v1"})");
  EXPECT_EQ(json_of("base: &b {home: h, icon: i}\n<<: *b\nicon: own\nname: u\nversion: 1.0.0\n"),
            R"({"name":"u","home":"h","version":"1.0.0","icon":"own","apiVersion":"v1"})");
  EXPECT_EQ(meta_with("apiVersion: v9\n"), R"({"apiVersion":"v9"})");
  EXPECT_EQ(meta_with("description: ~\nkeywords: ~\nannotations: ~\ndeprecated: ~\n"),
            R"({"apiVersion":"v1"})");
}

TEST(ChartMetadata, TakesVersionsThatHelmTakes) {
  for (const char* version : {"1.2.3", "1.2", "1", "v1.2.3", "01.2.3", "1.0.0-a.b+c", "0.0.0"})
    EXPECT_EQ(read_chart_yaml("name: u\nversion: \"" + std::string(version) + "\"\n").version,
              version);
}

TEST(ChartMetadata, SaysWhatIsWrong) {
  const std::string bare(kBare);

  const struct {
    std::string yaml;
    const char* says;
  } cases[] = {
      {"", "the document must be a map"},
      {"- name: u\n", "the document must be a map"},
      {"just text", "the document must be a map"},
      {"name: [u\n", "line 1:"},
      {"a: b: c\n", "line 1:"},
      {"name: \xff\n", "UTF-8"},
      {"version: 1.0.0\n", "name is missing"},
      {"name: ''\nversion: 1.0.0\n", "name is missing"},
      {"name: .\nversion: 1.0.0\n", "name must not be a directory"},
      {"name: ..\nversion: 1.0.0\n", "name must not be a directory"},
      {"name: a/b\nversion: 1.0.0\n", "name \"a/b\" may hold letters"},
      {"name: /etc\nversion: 1.0.0\n", "name \"/etc\" may hold letters"},
      {"name: 'a\\b'\nversion: 1.0.0\n", "may hold letters"},
      {"name: a b\nversion: 1.0.0\n", "may hold letters"},
      {"name: é\nversion: 1.0.0\n", "may hold letters"},
      {"name: \"a\\nb\"\nversion: 1.0.0\n", "name \"a b\" may hold letters"},
      {"name: [u]\nversion: 1.0.0\n", "name must be a text"},
      {"name: " + std::string(251, 'n') + "\nversion: 1.0.0\n", "longer than 250 bytes"},
      {"name: u\n", "version is missing"},
      {"name: u\nversion: abc\n", "version \"abc\" is not a semantic version"},
      {"name: u\nversion: 1.0.0_b\n", "is not a semantic version"},
      {"name: u\nversion: ../../x\n", "is not a semantic version"},
      {"name: u\nversion: 1.0.0/../x\n", "is not a semantic version"},
      {"name: u\nversion: 1.0.0-" + std::string(300, 'a') + "\n", "is not a semantic version"},
      {bare + "type: addon\n", "type \"addon\" is neither"},
      {bare + "description: {a: b}\n", "description must be a text"},
      {bare + "deprecated: maybe\n", "deprecated must be true or false"},
      {bare + "deprecated: 'true'\n", "deprecated must be true or false"},
      {bare + "keywords: a\n", "keywords must be a list"},
      {bare + "keywords: [[a]]\n", "keywords must be a text"},
      {bare + "annotations: [a]\n", "annotations must be a map of texts"},
      {bare + "annotations: {a: {b: c}}\n", "annotations.a must be a text"},
      {bare + "maintainers: [{name: a}, ~]\n", "maintainers[1] is empty"},
      {bare + "maintainers: [a]\n", "maintainers[0] must be a map"},
      {bare + "dependencies: [~]\n", "dependencies[0] is empty"},
      {bare + "dependencies: [{name: a, enabled: 3}]\n", "dependencies[0].enabled must be true"},
      {bare + "dependencies: {name: a}\n", "dependencies must be a list"},
  };

  for (const auto& each : cases) {
    const auto error = failure_of([&] { read_chart_yaml(each.yaml); });
    ASSERT_TRUE(error) << each.yaml;
    EXPECT_EQ(error->reason(), Reason::chart_invalid) << each.yaml;
    EXPECT_THAT(error->what(), HasSubstr(each.says));
    EXPECT_THAT(error->what(), HasSubstr("Chart.yaml"));
  }
}

TEST(ChartMetadata, SurvivesHostileYaml) {
  const std::string bare(kBare);
  std::string bomb = "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n";
  for (int i = 1; i < 12; ++i) {
    const std::string one = "*a" + std::to_string(i - 1);
    bomb += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [" + one;
    for (int j = 0; j < 9; ++j)
      bomb += ", " + one;
    bomb += "]\n";
  }
  for (const std::string& yaml :
       {bare + bomb, bare + "self: &s [*s]\n", bare + "deep: " + std::string(10'000, '['),
        bare + "keywords: " + std::string(90, '[') + std::string(200, ']')})
    EXPECT_EQ(reason_of([&] { read_chart_yaml(yaml); }), Reason::chart_invalid);
}

TEST(ChartMetadata, ReadsConfigAndMetaBlobs) {
  const ChartMetadata config = read_chart_json(kFullJson, "", "");
  EXPECT_EQ(config.name, "mychart");
  EXPECT_EQ(chart_json(config), kFullJson);

  const ChartMetadata meta = read_chart_json(R"({"apiVersion":"v1"})", "u", "1.0.0");
  EXPECT_EQ(chart_json(meta), R"({"name":"u","version":"1.0.0","apiVersion":"v1"})");
  EXPECT_EQ(chart_meta_json(meta), R"({"apiVersion":"v1"})");

  // What the document says about itself wins over what stands beside it.
  EXPECT_EQ(read_chart_json(R"({"name":"own","version":"2.0.0"})", "u", "1.0.0").name, "own");
  // Strings stay strings however they look, and more fields do no harm.
  EXPECT_EQ(
      chart_meta_json(read_chart_json(
          R"({"Name":"u","version":"1.10.0","appVersion":"1.10","icon":"y","more":[1]})", "", "")),
      R"({"icon":"y","apiVersion":"v1","appVersion":"1.10"})");
}

TEST(ChartMetadata, RefusesBlobsThatAreNoMetadata) {
  for (const char* text :
       {"", "{", "null", "[]", "\"text\"", "{}", R"({"name":"a/b","version":"1.0.0"})",
        R"({"name":"u","version":"x"})", R"({"name":"u","name":"v","version":"1.0.0"})",
        R"({"name":"u","version":"1.0.0","maintainers":[null]})",
        R"({"name":"u","version":"1.0.0"} trailing)"})
    EXPECT_EQ(reason_of([&] { read_chart_json(text, "", ""); }), Reason::chart_invalid) << text;
  const std::string deep = R"({"x":)" + std::string(100'000, '[');
  EXPECT_EQ(reason_of([&] { read_chart_json(deep, "u", "1.0.0"); }), Reason::chart_invalid);
  EXPECT_EQ(reason_of([&] { read_chart_json("{}", "../x", "1.0.0"); }), Reason::chart_invalid);
  EXPECT_EQ(reason_of([&] { read_chart_json("{}", "u", "../x"); }), Reason::chart_invalid);
}

TEST(ChartMetadata, WritesChartYamlWithSortedKeys) {
  EXPECT_EQ(
      chart_yaml(read_chart_yaml(
          "version: 1.0.0\nname: u\nkeywords: [b, a]\nannotations: {z: 'true', a: \"x\\ny\"}\n"
          "deprecated: yes\nmaintainers: [{name: Al, email: a@b}, {}]\n"
          "dependencies: [{name: d, tags: [t, s], import-values: [{child: c, parent: p}]}]\n")),
      R"(annotations:
  a: "x\ny"
  z: "true"
apiVersion: v1
dependencies:
- import-values:
  - child: c
    parent: p
  name: d
  repository: ""
  tags:
  - t
  - s
deprecated: true
keywords:
- b
- a
maintainers:
- email: "a@b"
  name: Al
- {}
name: u
version: "1.0.0"
)");
}

TEST(ChartMetadata, SurvivesBeingWrittenAndReadAgain) {
  for (const std::string& yaml :
       {std::string(kFullYaml), std::string(kBare) + "appVersion: '1.10'\nicon: 'y'\nhome: '~'\n",
        std::string(kBare) + "description: \"quotes ' \\\" and: # {signs} - é ☃ \\\\\"\n",
        std::string(kBare) + "annotations: {'': e, 'a: b': '- c', '? d': '&e', '010': '0x1'}\n"}) {
    const ChartMetadata chart = read_chart_yaml(yaml);
    EXPECT_EQ(chart_json(read_chart_yaml(chart_yaml(chart))), chart_json(chart));
    EXPECT_EQ(chart_json(read_chart_json(chart_json(chart), "", "")), chart_json(chart));
  }
}

}  // namespace
}  // namespace ocisync
