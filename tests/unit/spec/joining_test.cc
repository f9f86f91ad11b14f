#include <gtest/gtest.h>

#include "loading.h"

namespace ocisync {
namespace {

// Complaints with the name of the file in front, as they are printed.
std::string printed(const std::vector<SpecSource>& files) {
  std::string text;
  for (const SpecProblem& problem : load_spec(files, environment_of({})).problems)
    text += fmt::format("{}: {}: {}\n", describe_position(files, problem.at), problem.path,
                        problem.message);
  return text;
}

SpecSource nameless(std::string_view lines, std::string name) {
  std::string text = document_with(lines);
  text.erase(text.find("metadata"), std::string_view("metadata: {name: platform}\n").size());
  return file_of(std::move(text), std::move(name));
}

TEST(JoinedFiles, ChartsAndRegistriesOfAllAreOneList) {
  const std::vector<SpecSource> files = {
      file_of(document_with("interval: 1m\nregistries: [{host: a.example}]\n"
                            "charts: [{ref: a.example/x/one}]\n"),
              "a.yaml"),
      nameless("timeout: 9s\nregistries: [{host: b.example}]\ncharts: [{ref: b.example/x/two}]\n",
               "b.yaml")};
  const LoadedSpec loaded = load_spec(files, environment_of({}));
  ASSERT_TRUE(loaded.spec) << printed(files);
  EXPECT_EQ(loaded.spec->charts.size(), 2U);
  EXPECT_EQ(loaded.spec->registries.size(), 2U);
  EXPECT_EQ(loaded.spec->interval, std::chrono::minutes(1));
  EXPECT_EQ(loaded.spec->timeout, std::chrono::seconds(9));
  EXPECT_EQ(loaded.spec->charts[1].at.file, 1);
  EXPECT_EQ(loaded.spec->files, (std::vector<std::string>{"a.yaml", "b.yaml"}));
}

TEST(JoinedFiles, PathsAreRelativeToTheFileThatHoldsThem) {
  std::vector<SpecSource> files = {
      file_of(document_with("cache: {path: cache}\n" + std::string(kOneChart)), "a.yaml"),
      nameless("export: {path: ../charts}\n", "b.yaml")};
  files[1].base = "/srv/conf";
  const LoadedSpec loaded = load_spec(files, environment_of({}));
  ASSERT_TRUE(loaded.spec) << printed(files);
  EXPECT_EQ(loaded.spec->cache.path, "/etc/ocisync/cache");
  EXPECT_EQ(loaded.spec->exports.path, "/srv/charts");
}

TEST(JoinedFiles, AnythingElseIsSetByOneOfThem) {
  const std::vector<SpecSource> files = {
      file_of(document_with("interval: 1m\ncache: {maxSize: 1Gi}\n" + std::string(kOneChart)),
              "a.yaml"),
      nameless("cache: {minAge: 1h, maxSize: 2Gi}\ninterval: 1m\n", "b.yaml")};
  EXPECT_EQ(printed(files),
            "b.yaml:4:23: spec.cache.maxSize: is set at a.yaml:6:11 too (only one of the files may "
            "set it)\n"
            "b.yaml:5:3: spec.interval: is set at a.yaml:5:3 too (only one of the files may set "
            "it)\n");
}

TEST(JoinedFiles, TheOwnersNameMayBeRepeatedButNotChanged) {
  const auto first = file_of(document_with(kOneChart), "a.yaml");
  const auto same = file_of(document_with("charts: [{ref: h.example/b}]\n"), "b.yaml");
  EXPECT_EQ(printed({first, same}), "");
  auto other = same;
  other.text.replace(other.text.find("platform"), 8, "elsewhere");
  EXPECT_EQ(printed({first, other}),
            "b.yaml:3:18: metadata.name: is another name than at a.yaml:3:18 (files that are read "
            "together have one owner)\n");
}

TEST(JoinedFiles, ANameUsedTwiceIsToldWithBothPlaces) {
  const std::vector<SpecSource> files = {
      file_of(document_with("charts: [{ref: h.example/web}]\n"), "a.yaml"),
      nameless("charts: [{ref: h.example/b}, {name: WEB, ref: h.example/c}]\n", "b.yaml")};
  EXPECT_EQ(printed(files),
            "b.yaml:4:39: spec.charts[1].name: the name WEB is taken at a.yaml:5:18 already (names "
            "differ by more than their case)\n");
}

TEST(JoinedFiles, TheSameRegistryTwiceIsToldWithBothPlaces) {
  const std::vector<SpecSource> files = {
      file_of(document_with("registries: [{host: docker.io}, {host: h.example/team}]\n" +
                            std::string(kOneChart)),
              "a.yaml"),
      nameless("registries:\n- host: index.docker.io\n- host: H.example:443/team\n"
               "- host: h.example\n",
               "b.yaml")};
  EXPECT_EQ(printed(files),
            "b.yaml:5:5: spec.registries[0].host: the same registry has an entry at a.yaml:5:16 "
            "already\n"
            "b.yaml:6:5: spec.registries[1].host: the same registry has an entry at a.yaml:5:35 "
            "already\n");
}

TEST(JoinedFiles, ALockFileAmongThemIsExplained) {
  const std::vector<SpecSource> files = {file_of(document_with(kOneChart), "a.yaml"),
                                         file_of("kind: ChartLock\n", "charts.lock.yaml")};
  EXPECT_EQ(printed(files).substr(0, 55),
            "charts.lock.yaml:1:7: kind: this is a lock file, not a ");
}

TEST(JoinedFiles, ComplaintsComeInTheOrderOfTheFiles) {
  const std::vector<SpecSource> files = {
      file_of(document_with("bogus: 1\n" + std::string(kOneChart)), "z.yaml"),
      nameless("bogus: 1\n", "a.yaml")};
  const std::string text = printed(files);
  EXPECT_LT(text.find("z.yaml"), text.find("a.yaml"));
}

}  // namespace
}  // namespace ocisync
