#pragma once

#include <map>
#include <string>
#include <string_view>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "spec/load.h"

namespace ocisync {

using Variables = std::map<std::string, std::string, std::less<>>;

inline Environment environment_of(const Variables& variables) {
  return [variables](std::string_view name) -> std::optional<std::string> {
    const auto found = variables.find(name);
    return found == variables.end() ? std::nullopt : std::optional(found->second);
  };
}

inline SpecSource file_of(std::string text, std::string name = "charts.yaml") {
  return {std::move(name), std::move(text), "/etc/ocisync"};
}

inline constexpr std::string_view kHeader =
    "apiVersion: ocisync.dev/v1alpha1\n"
    "kind: ChartSync\n"
    "metadata: {name: platform}\n";

// A document whose `spec` holds these lines, written without indentation.
inline std::string document_with(std::string_view spec_lines) {
  std::string text = fmt::format("{}spec:\n", kHeader);
  std::string line;
  for (const char c : spec_lines) {
    line += c;
    if (c != '\n')
      continue;
    text += "  " + line;
    line.clear();
  }
  return line.empty() ? text : text + "  " + line + "\n";
}

inline constexpr std::string_view kOneChart =
    "charts: [{ref: oci://host.example/charts/web:1.0.0}]\n";

// What is wrong with the files, as "line:column path: message" lines.
inline std::string complaints_about(const std::vector<SpecSource>& files,
                                    const Variables& variables = {}) {
  std::string text;
  for (const SpecProblem& problem : load_spec(files, environment_of(variables)).problems)
    text += fmt::format("{}:{} {}{}{}\n", problem.at.line, problem.at.column, problem.path,
                        problem.path.empty() ? "" : ": ", problem.message);
  return text;
}

// The one spec of these lines; a failure of the test if there are problems.
inline Spec spec_of(std::string_view spec_lines, const Variables& variables = {}) {
  const std::vector<SpecSource> files = {file_of(document_with(spec_lines))};
  LoadedSpec loaded = load_spec(files, environment_of(variables));
  EXPECT_EQ(describe_problems(loaded.problems, files), "0 problems\n");
  return loaded.spec ? *std::move(loaded.spec) : Spec{};
}

}  // namespace ocisync
