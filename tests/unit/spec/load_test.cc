#include "spec/load.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "loading.h"
#include "oci/digest.h"

namespace ocisync {
namespace {

TEST(SpecLoading, TheShortestSpecHasEveryDefault) {
  const Spec spec = spec_of(kOneChart);
  EXPECT_EQ(spec.name, "platform");
  EXPECT_EQ(spec.interval, std::chrono::minutes(5));
  EXPECT_EQ(spec.exports.layout, Layout::symlink);
  EXPECT_EQ(spec.cache.path, std::nullopt);
  ASSERT_EQ(spec.charts.size(), 1U);
  EXPECT_EQ(spec.charts[0].name, "web");
  EXPECT_EQ(spec.charts[0].export_path, "web");
  EXPECT_TRUE(spec.charts[0].required);
  EXPECT_EQ(spec.charts[0].at, (Position{5, 18, 0}));
  EXPECT_EQ(spec.hash, Digest::of(document_with(kOneChart)).hex());
  EXPECT_EQ(spec.files, std::vector<std::string>{"charts.yaml"});
}

TEST(SpecLoading, TheHashOfSeveralFilesTellsWhereEachEnds) {
  const auto hash_of = [](const std::string& first, const std::string& second) {
    return load_spec({file_of(first, "a.yaml"), file_of(second, "b.yaml")}, environment_of({}))
        .spec.value()
        .hash;
  };
  const std::string whole = document_with(kOneChart);
  const std::string head = whole.substr(0, whole.find("spec:"));
  const std::string comment = "# nothing\n";
  EXPECT_NE(hash_of(whole + comment, head), hash_of(whole, comment + head));
}

TEST(SpecLoading, EveryFieldReachesTheSpec) {
  const Spec spec = spec_of(
      "interval: 1m\njitter: 20%\nretry: {min: 1s, max: 1m}\ntimeout: 10s\nstallTimeout: 20s\n"
      "acceptStale: 1h\nconcurrency: 4\nsuspend: true\n"
      "cache: {path: cache, maxSize: 1Gi, minAge: 1h, groupWrite: true}\n"
      "export: {path: /charts, layout: directory, format: both, prune: false, keepRevisions: 3,\n"
      "  keepFor: 2h, groupWrite: true}\n"
      "limits: {archiveSize: 1Mi, unpackedSize: 2Mi, fileSize: 3Mi, entries: 4, ratio: 5,\n"
      "  manifestSize: 6Mi}\n"
      "registries:\n"
      "- host: Registry.example.com:5000/team-a\n"
      "  plainHTTP: true\n"
      "  credentials: {username: bob, passwordFile: password}\n"
      "  tls: {caFile: ca.crt, caMode: replace, certFile: c, keyFile: /k}\n"
      "  proxy: {url: \"http://proxy:3128\", credentials: {secretDir: /secret}}\n"
      "  mirrors: [{host: Mirror.local:5000, pathPrefix: hub, resolve: true}]\n"
      "  trustedRealms: [auth.example.com]\n"
      "  allowPrivateRedirects: false\n"
      "  http2: false\n"
      "  connections: 2\n"
      "charts:\n"
      "- {name: Web, ref: host.example/a/b, version: ^1, tagFilter: \"1.*\", required: false,\n"
      "   suspend: true, immutable: true, interval: 2m, export: {path: a//b/, format: archive}}\n");
  EXPECT_EQ(spec.jitter_percent, 20U);
  EXPECT_EQ(spec.retry.max, std::chrono::minutes(1));
  EXPECT_EQ(spec.accept_stale, std::chrono::hours(1));
  EXPECT_EQ(spec.concurrency, 4U);
  EXPECT_EQ(spec.cache.path, "/etc/ocisync/cache");
  EXPECT_EQ(spec.cache.max_size, 1ULL << 30);
  EXPECT_EQ(spec.exports.format, ExportFormat::both);
  EXPECT_EQ(spec.limits.manifest_size, 6ULL << 20);
  ASSERT_EQ(spec.registries.size(), 1U);
  const RegistrySpec& registry = spec.registries[0];
  EXPECT_EQ(registry.host, "registry.example.com:5000");
  EXPECT_EQ(registry.path_prefix, "team-a");
  EXPECT_EQ(registry.plain_http, true);
  EXPECT_EQ(registry.credentials->kind, CredentialsSpec::Kind::username_password);
  EXPECT_EQ(registry.credentials->password_file, "/etc/ocisync/password");
  EXPECT_EQ(registry.tls.ca_mode, TlsSpec::CaMode::replace);
  EXPECT_EQ(registry.proxy->credentials->path, "/secret");
  EXPECT_EQ(registry.mirrors[0].host, "mirror.local:5000");
  EXPECT_EQ(registry.allow_private_redirects, PrivateRedirects::refuse);
  EXPECT_EQ(registry.connections, 2U);
  const ChartSpec& chart = spec.charts.at(0);
  EXPECT_EQ(chart.name, "Web");
  EXPECT_EQ(chart.range_text, "^1");
  EXPECT_EQ(chart.interval, std::chrono::minutes(2));
  EXPECT_EQ(chart.export_path, "a/b");
  EXPECT_EQ(chart.export_format, ExportFormat::archive);
}

TEST(SpecLoading, AChartsFormatIsThatOfTheSpecWhereverItStands) {
  const Spec spec = spec_of(
      "charts: [{ref: h.example/a}, {ref: h.example/b, export: {format: both}}]\n"
      "export: {format: archive}\n");
  EXPECT_EQ(spec.charts[0].export_format, ExportFormat::archive);
  EXPECT_EQ(spec.charts[1].export_format, ExportFormat::both);
}

TEST(SpecLoading, SaysWhatIsWrongWithAField) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"intervall: 5m", "5:3 spec.intervall: unknown key (did you mean interval?)"},
      {"Interval: 5m", "5:3 spec.Interval: unknown key (did you mean interval?)"},
      {"retry: {mim: 5s}", "5:11 spec.retry.mim: unknown key (did you mean min?)"},
      {"retry: {colour: 5s}", "5:11 spec.retry.colour: unknown key (known here: min, max)"},
      {"interval: 5 minutes",
       "5:13 spec.interval: \"5 minutes\" is not a duration (such as 30s or 1h30m, at least 1s)"},
      {"interval: 10ms",
       "5:13 spec.interval: \"10ms\" is not a duration (such as 30s or 1h30m, at least 1s)"},
      {"interval: 90000h",
       "5:13 spec.interval: \"90000h\" is not a duration (such as 30s or 1h30m, at least 1s)"},
      {"interval:", "5:3 spec.interval: is empty (give it a duration, or remove the key)"},
      {"interval: \"\"", "5:13 spec.interval: is empty (give it a duration, or remove the key)"},
      {"interval: [5m]",
       "5:13 spec.interval: is not a duration (such as 30s or 1h30m, at least 1s)"},
      {"jitter: 10", "5:11 spec.jitter: \"10\" is not a percentage (from 0% to 100%, such as 10%)"},
      {"jitter: 101%",
       "5:11 spec.jitter: \"101%\" is not a percentage (from 0% to 100%, such as 10%)"},
      {"concurrency: 0",
       "5:16 spec.concurrency: \"0\" is not a count (a whole number from 1 to 256, without "
       "quotes)"},
      {"concurrency: \"16\"",
       "5:16 spec.concurrency: \"16\" is not a count (a whole number from 1 to 256, without "
       "quotes)"},
      {"suspend: yes",
       "5:12 spec.suspend: \"yes\" is not a boolean (true or false, without quotes)"},
      {"cache: {maxSize: 5GB}",
       "5:20 spec.cache.maxSize: \"5GB\" is not a size (such as 64Mi, 5Gi or 1000 (bytes))"},
      {"cache: /var/cache",
       "5:10 spec.cache: is not a map (known here: path, maxSize, minAge, groupWrite)"},
      {"cache: {path: \"a\\tb\"}",
       "5:17 spec.cache.path: holds a control character, which no path here needs"},
      {"export: {layout: symlnk}",
       "5:20 spec.export.layout: \"symlnk\" is not a layout (symlink, directory, snapshot; did "
       "you mean symlink?)"},
      {"export: {onFailure: keepGeneration}",
       "5:23 spec.export.onFailure: keepGeneration needs layout: snapshot (other layouts publish "
       "chart by chart)"},
      {"verify: {mode: warn}", "5:3 spec.verify: is not supported yet (remove it)"},
      {"retry: {min: 10m}", "5:10 spec.retry: min 10m is longer than max 5m"},
      {"suspend: true\nsuspend: false",
       "6:3 spec.suspend: 'suspend' stands here twice, first on line 5"},
      {"registries: {host: a}",
       "5:15 spec.registries: is not a list (entries begin with \"- \"; [] is none)"},
  };
  for (const auto& [lines, expected] : cases)
    EXPECT_EQ(complaints_about({file_of(document_with(lines + "\n" + std::string(kOneChart)))}),
              expected + "\n");
}

TEST(SpecLoading, WhatAsksForNothingIsNotRefused) {
  EXPECT_EQ(spec_of("http: {}\nhooks: []\nverify: {}\n" + std::string(kOneChart)).charts.size(),
            1U);
}

TEST(SpecLoading, SaysWhatIsWrongWithADocument) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"", "1:1 the file is empty (it should hold a ChartSync)"},
      {"# nothing\n", "1:1 the file is empty (it should hold a ChartSync)"},
      {"[a]", "1:1 the file holds no map (it should hold a ChartSync)"},
      {"kind: Deployment\nspec: {replicas: 1}",
       "1:7 kind: \"Deployment\" is not a kind that is read here (ChartSync)"},
      {"kind: ChartLock\n",
       "1:7 kind: this is a lock file, not a spec (the spec it was made from belongs here; "
       "--lock-file names lock files)"},
      {"apiVersion: ocisync.dev/v1\nkind: ChartSync\nmetadata: {name: Upper}\nspec: {charts: []}",
       "1:13 apiVersion: \"ocisync.dev/v1\" is not a version of the format (ocisync.dev/v1alpha1)\n"
       "3:18 metadata.name: \"Upper\" is not an owner's name (a-z, 0-9 and inner hyphens or dots, "
       "at most 63)\n"
       "4:16 spec.charts: no chart is listed (export.allowEmpty: true permits that)"},
      {"spec: {charts: [{ref: h.example/a}]}",
       "1:1 apiVersion: is missing (a version of the format is required here)\n"
       "1:1 kind: is missing (a kind is required here)\n"
       "1:1 metadata.name: is missing (the owner of what is exported has a name)"},
      {"a: [", "1:4 the collection that begins here is never closed"},
  };
  for (const auto& [text, expected] : cases)
    EXPECT_EQ(complaints_about({file_of(text)}), expected + "\n") << text;
}

TEST(SpecLoading, AnEmptyListOfChartsIsAllowedOnRequest) {
  EXPECT_TRUE(spec_of("export: {allowEmpty: true}\n").charts.empty());
  EXPECT_TRUE(spec_of("charts: []\nexport: {allowEmpty: true}\n").charts.empty());
}

TEST(SpecLoading, MergeKeysAndKeysOfOnesOwnAreFine) {
  const std::string text = std::string(kHeader) +
                           "x-common: &common {required: false, interval: 1m}\n"
                           "spec:\n"
                           "  charts:\n"
                           "  - {<<: *common, ref: h.example/a}\n"
                           "  - {<<: *common, ref: h.example/b, required: true}\n";
  const LoadedSpec loaded = load_spec({file_of(text)}, environment_of({}));
  ASSERT_TRUE(loaded.spec) << complaints_about({file_of(text)});
  EXPECT_FALSE(loaded.spec->charts[0].required);
  EXPECT_TRUE(loaded.spec->charts[1].required);
  EXPECT_EQ(loaded.spec->charts[1].interval, std::chrono::minutes(1));
}

TEST(SpecLoading, VariablesComeBeforeTypes) {
  const Variables variables = {
      {"INTERVAL", "1m"}, {"ON", "true"}, {"N", "7"}, {"HOST", "h.example"}};
  const Spec spec = spec_of(
      "interval: ${INTERVAL}\nsuspend: \"${ON}\"\nconcurrency: \"${N}\"\njitter: ${J:-5%}\n"
      "charts: [{ref: \"oci://${HOST}/web:1.0.0\"}]\n",
      variables);
  EXPECT_EQ(spec.interval, std::chrono::minutes(1));
  EXPECT_TRUE(spec.suspend);
  EXPECT_EQ(spec.concurrency, 7U);
  EXPECT_EQ(spec.jitter_percent, 5U);
  EXPECT_EQ(spec.charts[0].reference.registry(), "h.example");
}

TEST(SpecLoading, WhatAVariableHoldsIsNeverPrinted) {
  const Variables variables = {{"SECRET", "hunter2 hunter2"}};
  const std::vector<SpecSource> files = {file_of(document_with(
      "interval: ${SECRET}\nconcurrency: ${SECRET}\nsuspend: ${SECRET}\n"
      "export: {layout: \"${SECRET}\"}\n"
      "registries: [{host: \"${SECRET}\", proxy: {url: \"${SECRET}\"}}]\n"
      "charts: [{ref: \"oci://h.example/${SECRET}\", name: \"${SECRET}\", tagFilter: "
      "\"(${SECRET}\"},\n"
      "  {ref: h.example/web, version: \"${SECRET}\"}, {ref: \"${SECRET}:1\", export: {path: "
      "\"${SECRET}\"}}]\n"))};
  const LoadedSpec loaded = load_spec(files, environment_of(variables));
  EXPECT_GE(loaded.problems.size(), 11U);
  const std::string text = describe_problems(loaded.problems, files);
  EXPECT_EQ(text.find("hunter2"), std::string::npos) << text;
  EXPECT_NE(text.find("\"${SECRET}\" is not a duration"), std::string::npos) << text;
}

TEST(SpecLoading, KeysAreNeverExpanded) {
  EXPECT_EQ(complaints_about({file_of(document_with("\"${X}\": 1\n" + std::string(kOneChart)))},
                             {{"X", "suspend"}}),
            "5:3 spec.${X}: unknown key (known here: interval, jitter, retry, timeout, "
            "stallTimeout, acceptStale, concurrency, suspend, cache, export, http, hooks, limits, "
            "registries, charts)\n");
}

// One file with ten mistakes, all of which are told at once, in the order of the file.
constexpr std::string_view kTenMistakes = R"(apiVersion: ocisync.dev/v1alpha1
kind: ChartSync
metadata:
  name: platform
spec:
  intervall: 5m
  jitter: 10
  cache:
    maxSize: 5Gi
    maxSize: 6Gi
  registries:
    - host: https://registry.example.com
      credentials: {username: robot}
  chrats: []
  charts:
    - ref: oci://robot:hunter2@registry.example.com/charts/web:1.0.0
    - ref: oci://registry.example.com/charts/web:1.2.3
      version: 1.2.4
    - ref: oci://registry.example.com/other/web
      version: ${VERSION}
)";

constexpr std::string_view kTenComplaints =
    R"(charts.yaml:6:3: spec.intervall: unknown key (did you mean interval?)
  6 |   intervall: 5m
    |   ^
charts.yaml:7:11: spec.jitter: "10" is not a percentage (from 0% to 100%, such as 10%)
  7 |   jitter: 10
    |           ^
charts.yaml:10:5: spec.cache.maxSize: 'maxSize' stands here twice, first on line 9
  10 |     maxSize: 6Gi
     |     ^
charts.yaml:12:13: spec.registries[0].host: "https://registry.example.com" is not a registry (host[:port][/path], or "*.example.com" with the star as the whole first label; no scheme)
  12 |     - host: https://registry.example.com
     |             ^
charts.yaml:13:31: spec.registries[0].credentials.username: has no password (passwordFile or passwordEnv)
  13 |       credentials: {username: robot}
     |                               ^
charts.yaml:14:3: spec.chrats: unknown key (did you mean charts?)
  14 |   chrats: []
     |   ^
charts.yaml:16:12: spec.charts[0].ref: CREDENTIALS
  16 |     - ref: [redacted]@registry.example.com/charts/web:1.0.0
     |            ^
charts.yaml:18:16: spec.charts[1].version: does not say the same as tag 1.2.3 of ref (give one of them)
  18 |       version: 1.2.4
     |                ^
charts.yaml:19:12: spec.charts[2].ref: the name web is taken at charts.yaml:17:12 already (give one of them a name of its own)
  19 |     - ref: oci://registry.example.com/other/web
     |            ^
charts.yaml:20:16: spec.charts[2].version: the environment variable VERSION is not set (set it, or write ${VERSION:-default})
  20 |       version: ${VERSION}
     |                ^
10 problems
)";

// The reference grammar words its own refusals.
std::string refusal_of(std::string_view reference) {
  try {
    Reference::parse(reference);
    return {};
  } catch (const Error& error) {
    return fmt::format("{} ({})", error.message(), error.hint());
  }
}

TEST(SpecLoading, TenMistakesAreToldAtOnce) {
  const std::vector<SpecSource> files = {file_of(std::string(kTenMistakes))};
  const LoadedSpec loaded = load_spec(files, environment_of({}));
  EXPECT_FALSE(loaded.spec);
  std::string expected(kTenComplaints);
  const std::string stand_in = "CREDENTIALS";
  expected.replace(expected.find(stand_in), stand_in.size(),
                   refusal_of("oci://robot:hunter2@registry.example.com/charts/web:1.0.0"));
  const std::string text = describe_problems(loaded.problems, files);
  EXPECT_EQ(text, expected);
  EXPECT_EQ(text.find("hunter2"), std::string::npos);
}

TEST(SpecLoading, TenThousandChartsMayMergeTheirDefaults) {
  std::string lines = "charts:\n";
  for (int i = 0; i < 10'000; ++i)
    lines += fmt::format("- {{<<: *often, name: c{}, ref: host.example/c/c{}:1.0.0}}\n", i, i);
  const std::string text =
      "x-often: &often {required: false, suspend: false, immutable: true, interval: 1m,\n"
      "  export: {format: both}}\n" +
      document_with(lines);
  const LoadedSpec loaded = load_spec({file_of(text)}, environment_of({}));
  ASSERT_TRUE(loaded.spec) << describe_problems(loaded.problems, {file_of(text)});
  EXPECT_EQ(loaded.spec->charts.size(), 10'000U);
  EXPECT_FALSE(loaded.spec->charts[9'999].required);
}

}  // namespace
}  // namespace ocisync
