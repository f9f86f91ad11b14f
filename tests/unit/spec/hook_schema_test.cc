#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "spec/load.h"

namespace ocisync {
namespace {

LoadedSpec load(const std::string& hooks) {
  const std::string text =
      "apiVersion: ocisync.dev/v1alpha1\nkind: ChartSync\nmetadata: {name: test}\nspec:\n"
      "  charts: [\"ref\": \"oci://r.example/web:1\"]\n  hooks: " +
      hooks + "\n";
  return load_spec({{"charts.yaml", text, "/"}}, [](std::string_view) { return std::nullopt; });
}

std::string complaint(const std::string& hooks) {
  const LoadedSpec loaded = load(hooks);
  return loaded.problems.empty() ? "" : loaded.problems.front().message;
}

TEST(Hooks, HaveTheDocumentedDefaults) {
  const LoadedSpec loaded = load(
      "[{name: a, exec: {command: [x]}}, {name: b, http: {url: \"http://h/\"}},"
      " {name: c, when: gate, touch: /x}, {name: d, when: gate, per: pass, touch: /x}]");
  ASSERT_TRUE(loaded.spec);
  const auto& hooks = loaded.spec->hooks;
  ASSERT_EQ(hooks.size(), 4U);
  EXPECT_FALSE(hooks[0].per_chart());
  EXPECT_EQ(hooks[0].exec->timeout, std::chrono::seconds(30));
  EXPECT_EQ(hooks[1].http->method, "POST");
  EXPECT_EQ(hooks[1].http->success_status, 200U);
  EXPECT_TRUE(hooks[2].per_chart());
  EXPECT_FALSE(hooks[3].per_chart());
}

TEST(Hooks, AreRefusedWithOneLineEach) {
  EXPECT_THAT(complaint("[{name: a, touch: /x}, {name: a, touch: /y}]"),
              testing::HasSubstr("a hook is called a at"));
  EXPECT_THAT(complaint("[{name: a, exec: {command: []}}]"), testing::HasSubstr("empty"));
  EXPECT_NE(complaint("[{name: a}]"), "");
  EXPECT_NE(complaint("[{name: a, http: {url: \"http://u:p@h/\"}}]"), "");
}

}  // namespace
}  // namespace ocisync
