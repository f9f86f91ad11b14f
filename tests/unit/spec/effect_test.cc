#include "spec/effect.h"

#include <gtest/gtest.h>

#include "spec/load.h"

namespace ocisync {
namespace {

constexpr const char* kHead =
    "apiVersion: ocisync.dev/v1alpha1\nkind: ChartSync\nmetadata: {name: test}\nspec:\n";

Spec spec_of(const std::string& body) {
  LoadedSpec loaded = load_spec({{"charts.yaml", kHead + body, "/"}},
                                [](std::string_view) { return std::nullopt; });
  EXPECT_TRUE(loaded.spec) << (loaded.problems.empty() ? "" : loaded.problems.front().message);
  return *std::move(loaded.spec);
}

bool same(const std::string& before, const std::string& now) {
  const Spec a = spec_of(before), b = spec_of(now);
  return same_effect(a, a.charts.front(), b, b.charts.front());
}

constexpr const char* kCharts = "  charts:\n  - {name: web, ref: \"oci://r.example/web:1.0.0\"}\n";

TEST(Effect, IsTheSameWhereverTheEntryStands) {
  EXPECT_TRUE(same(kCharts, kCharts));
  EXPECT_TRUE(same(kCharts, std::string("  # moved down\n\n") + kCharts));
  EXPECT_TRUE(
      same(kCharts, std::string(kCharts) + "  - {name: b, ref: \"oci://r.example/b:1\"}\n"));
}

TEST(Effect, IsTheSameWhenOnlyTheHouseIsKeptOtherwise) {
  for (const char* other : {"  retry: {min: 1s}\n", "  jitter: 20%\n", "  concurrency: 2\n",
                            "  export: {keepRevisions: 3}\n", "  cache: {maxSize: 1Gi}\n",
                            "  hooks: [{name: a, touch: /a}]\n", "  http: {maxStaleness: 1h}\n",
                            "  registries: [{host: other.example, plainHTTP: true}]\n"})
    EXPECT_TRUE(same(kCharts, std::string(other) + kCharts)) << other;
}

TEST(Effect, DiffersWhenTheChartsSurroundingsDo) {
  for (const char* other :
       {"  interval: 1m\n", "  suspend: true\n", "  timeout: 1s\n", "  stallTimeout: 1s\n",
        "  export: {layout: directory}\n", "  export: {format: both}\n",
        "  export: {groupWrite: true}\n", "  limits: {entries: 5}\n",
        "  registries: [{host: r.example, plainHTTP: true}]\n",
        "  registries: [{host: r.example, credentials: {anonymous: true}}]\n"})
    EXPECT_FALSE(same(kCharts, std::string(other) + kCharts)) << other;
}

TEST(Effect, DiffersWithTheEntry) {
  for (const char* other :
       {"{name: web, ref: \"oci://r.example/web:1.0.1\"}",
        "{name: web, ref: \"oci://r.example/web\", version: \"^1\"}",
        "{name: web, ref: \"oci://r.example/web:1.0.0\", required: false}",
        "{name: web, ref: \"oci://r.example/web:1.0.0\", immutable: true}",
        "{name: web, ref: \"oci://r.example/web:1.0.0\", suspend: true}",
        "{name: web, ref: \"oci://r.example/web:1.0.0\", interval: 7m}",
        "{name: web, ref: \"oci://r.example/web:1.0.0\", export: {path: a/web}}"})
    EXPECT_FALSE(same(kCharts, std::string("  charts:\n  - ") + other + "\n")) << other;
}

}  // namespace
}  // namespace ocisync
