#include "spec/effective.h"

#include <gtest/gtest.h>

#include "spec/load.h"

namespace ocisync {
namespace {

std::optional<std::string> variables(std::string_view name) {
  if (name == "TAG")
    return "1.2.3";
  if (name == "REGISTRY_PASSWORD" || name == "MY_TOKEN")
    return "hunter2";
  return std::nullopt;
}

constexpr const char* kHead =
    "apiVersion: ocisync.dev/v1alpha1\nkind: ChartSync\nmetadata: {name: a}\nspec:\n";

std::string shown(const std::string& text, const Elsewheres& elsewhere = {},
                  const SpecNotes& notes = {}) {
  return effective_spec({{"a.yaml", kHead + text, "/specs"}}, variables, elsewhere, notes);
}

bool has_line(const std::string& text, const std::string& value, const std::string& origin) {
  const std::size_t at = text.find(value + " ");
  return at != std::string::npos &&
         text.substr(at, text.find('\n', at) - at).ends_with("  # " + origin);
}

TEST(EffectiveSpec, SaysWhereEachValueComesFrom) {
  const std::string text = shown(
      "  interval: 1m\n  export: {path: out}\n  charts: [{ref: 'oci://r.example/web:${TAG}'}]\n",
      {{"spec.concurrency", {3, "flag --concurrency"}},
       {"spec.interval", {"9m", "default: somewhere", false}},
       {"spec.charts[0].name", {"web", "default: the name", false}}},
      {{"spec.charts", {"a note"}}});
  EXPECT_TRUE(has_line(text, "interval: 1m", "a.yaml:5:13")) << text;
  EXPECT_TRUE(has_line(text, "path: /specs/out", "a.yaml:6:18")) << text;
  EXPECT_TRUE(has_line(text, "ref: oci://r.example/web:1.2.3", "a.yaml:7:18")) << text;
  EXPECT_TRUE(has_line(text, "concurrency: 3", "flag --concurrency")) << text;
  EXPECT_TRUE(has_line(text, "name: web", "default: the name")) << text;
  EXPECT_TRUE(has_line(text, "timeout: 30s", "default")) << text;
  EXPECT_NE(text.find("  # a note\n  charts:\n    - ref: "), std::string::npos) << text;
}

TEST(EffectiveSpec, IsAValidSpecThatShowsTheSame) {
  const std::string first = shown(
      "  registries: [{host: r.example, credentials: {username: u, passwordEnv: PW}}]\n"
      "  charts: [{ref: oci://r.example/web, version: 1.10, tagFilter: '1\\.[0-9]+'}]\n");
  const LoadedSpec loaded = load_spec({{"b.yaml", first, "/"}}, variables);
  EXPECT_TRUE(loaded.problems.empty()) << first;
  const std::string second = effective_spec({{"b.yaml", first, "/"}}, variables, {}, {});
  const auto values = [](const std::string& text) {
    std::string kept;
    for (std::size_t at = 0; at < text.size(); at = text.find('\n', at) + 1)
      kept += text.substr(at, std::min(text.find("  #", at), text.find('\n', at)) - at) + "\n";
    return kept;
  };
  EXPECT_EQ(values(first), values(second));
}

TEST(EffectiveSpec, MasksWhatMayBeSecret) {
  const std::string text = shown(
      "  registries: [{host: r.example, credentials: {tokenFile: '/run/${TAG}'}}, {host: "
      "s.example, "
      "credentials: {username: '${REGISTRY_PASSWORD}', passwordEnv: PW}}]\n"
      "  charts: [{ref: 'oci://r.example/web:${MY_TOKEN}'}]\n",
      {}, {});
  EXPECT_EQ(text.find("hunter2"), std::string::npos) << text;
  EXPECT_EQ(text.find("/run/1.2.3"), std::string::npos) << text;
  EXPECT_NE(text.find("username: \"***\""), std::string::npos) << text;
}

TEST(EffectiveSpec, NobodyIsNamedInAUrl) {
  const std::string text = shown("  charts: [{ref: 'oci://me:hush@r.example/web'}]\n");
  EXPECT_EQ(text.find("hush"), std::string::npos) << text;
  EXPECT_EQ(text.find("me:h"), std::string::npos) << text;
}

TEST(EffectiveSpec, ListsOfAllFilesAreJoinedAndCounted) {
  const std::vector<SpecSource> sources = {
      {"a.yaml", std::string(kHead) + "  charts: [{ref: oci://r.example/a}]\n", "/"},
      {"b.yaml", std::string(kHead) + "  charts: [{ref: oci://r.example/b}]\n", "/"}};
  const std::string text = effective_spec(
      sources, variables, {{"spec.charts[1].name", {"second", "default", false}}}, {});
  EXPECT_NE(text.find("- ref: oci://r.example/a "), std::string::npos);
  EXPECT_LT(text.find("- ref: oci://r.example/b "), text.find("name: second")) << text;
}

}  // namespace
}  // namespace ocisync
