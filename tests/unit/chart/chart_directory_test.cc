#include "chart/chart_directory.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "chart/split.h"
#include "unpacking.h"

namespace ocisync {
namespace {

namespace fs = std::filesystem;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Key;
using testing::Not;

class ChartDirectoryTest : public testing::Test {
 protected:
  ChartDirectoryTest() { put("Chart.yaml", "apiVersion: v1\nname: mychart\nversion: 2.7.0\n"); }

  fs::path path() const { return box_.path() / "chart"; }

  void put(const std::string& name, const std::string& contents) const {
    fs::create_directories((path() / name).parent_path());
    std::ofstream(path() / name) << contents;
  }

  void link(const std::string& target, const std::string& name) const {
    fs::create_directories((path() / name).parent_path());
    fs::create_symlink(target, path() / name);
  }

  ChartDirectory open(const ArchiveLimits& limits = {}) const {
    return ChartDirectory::open(path(), limits);
  }

  static std::string packed(const ChartDirectory& chart) {
    CappedBuffer out(1 << 24, "content");
    chart.pack_content(out);
    return out.take();
  }

  // The files that come out of the content again.
  std::map<std::string, std::string> files() {
    unpacking_.run(packed(open()));
    auto tree = unpacking_.tree();
    std::erase_if(tree, [](const auto& entry) { return entry.first.ends_with('/'); });
    return tree;
  }

  // Why it was refused.
  std::string refusal(Reason reason = Reason::chart_invalid, const ArchiveLimits& limits = {}) {
    const auto error = failure_of([&] { open(limits); });
    if (!error)
      return "not refused";
    EXPECT_EQ(error->reason(), reason) << error->what();
    return error->what();
  }

  TempDirectory box_;
  Unpacking unpacking_;
};

TEST_F(ChartDirectoryTest, MetaAndContentAreThoseOfTheDocumentation) {
  put("values.yaml", "a: 1\n");
  const ChartDirectory chart = open();
  EXPECT_EQ(chart.metadata().name, "mychart");
  EXPECT_EQ(chart.metadata().version, "2.7.0");
  const std::string meta = chart_meta_json(chart.metadata());
  EXPECT_EQ(meta, R"({"apiVersion":"v1"})");
  EXPECT_EQ(Digest::of(meta).str(),
            "sha256:ca9588a9340fb83a62777cd177dae4ba5ab52061a1618ce2e21930b86c412d9e");
}

TEST_F(ChartDirectoryTest, ContentKnowsNothingOfChartYaml) {
  put("values.yaml", "# kept\na: 1\n");
  put("templates/tests/check.yaml", "x");
  const std::string before = packed(open());
  put("Chart.yaml", "apiVersion: v2\nname: other\nversion: 3.0.0\ndescription: longer\n");
  EXPECT_EQ(packed(open()), before);
  EXPECT_EQ(files()["Chart.yaml"], "apiVersion: v1\nname: '-'\nversion: 0.1.0\n");
  EXPECT_EQ(files()["values.yaml"], "# kept\na: 1\n");
  put("values.yaml", "# changed\na: 1\n");
  EXPECT_NE(packed(open()), before);
}

TEST_F(ChartDirectoryTest, KeepsWhatHelmAlphaLost) {
  for (const char* name : {"values.schema.json", "Chart.lock", "requirements.yaml", ".helmignore",
                           "templates/tests/check.yaml", "charts/sub/Chart.yaml", "crds/a.yaml",
                           "charts/packed-1.0.0.tgz", "charts/_x/Chart.yaml", "LICENSE"})
    put(name, "");
  EXPECT_EQ(files().size(), 11U);
}

TEST_F(ChartDirectoryTest, KeepsEmptyDirectories) {
  fs::create_directories(path() / "charts");
  fs::create_directories(path() / "a/b");
  put(".helmignore", "x\n");
  put("all-ignored/x", "");
  const std::string content = packed(open());
  TempDirectory into;
  MemorySource source(as_bytes(content));
  join_split_chart(source, "{}", "mychart", "2.7.0", into.directory(), {}, kDefaultModes);
  for (const char* name : {"charts", "a/b", "all-ignored"})
    EXPECT_TRUE(fs::is_empty(into.path() / name)) << name;
  unpacking_.run(content);  // as Helm reads an archive
  EXPECT_FALSE(fs::exists(unpacking_.into_path() / "charts"));
}

TEST_F(ChartDirectoryTest, LeavesOutWhatHelmignoreSays) {
  put(".helmignore", "*.bak\n.git/\n/secret\n");
  for (const char* name :
       {"a.bak", "templates/b.bak", ".git/HEAD", "secret", "templates/secret", "templates/.x.swp"})
    put(name, "");
  const auto left = files();
  EXPECT_THAT(left, Contains(Key("templates/secret")));
  EXPECT_EQ(left.size(), 3U);  // and Chart.yaml and .helmignore
  put(".helmignore", "**");
  EXPECT_THAT(refusal(), HasSubstr(".helmignore, line 1"));
  put(".helmignore", "Chart.yaml");
  EXPECT_THAT(refusal(), HasSubstr("no Chart.yaml"));
}

TEST_F(ChartDirectoryTest, FollowsLinksThatStayInside) {
  put("shared/common.yaml", "shared");
  put("shared/deep/more.yaml", "more");
  link("../shared/common.yaml", "templates/common.yaml");
  link("shared", "copy");
  link("common.yaml", "shared/alias.yaml");
  link((path() / "shared/deep").string(), "absolute");
  const auto tree = files();
  EXPECT_EQ(tree.at("templates/common.yaml"), "shared");
  EXPECT_EQ(tree.at("copy/deep/more.yaml"), "more");
  EXPECT_EQ(tree.at("copy/alias.yaml"), "shared");
  EXPECT_EQ(tree.at("absolute/more.yaml"), "more");
}

TEST_F(ChartDirectoryTest, RefusesLinksThatLeadOutOrNowhereOrRound) {
  std::ofstream(box_.path() / "outside") << "secret";
  for (const auto& [target, why] :
       {std::pair("/etc/passwd", "leads out of the chart"), std::pair("../outside", "leads out"),
        std::pair("../chart/../outside", "leads out"), std::pair("gone", "leads nowhere"),
        std::pair("link", "leads nowhere"), std::pair(".", "a directory that holds it")}) {
    link(target, "link");
    EXPECT_THAT(refusal(), testing::AllOf(HasSubstr("link"), HasSubstr(why))) << target;
    fs::remove(path() / "link");
  }
  link("..", "templates/link");
  EXPECT_THAT(refusal(), HasSubstr("a directory that holds it"));
  put(".helmignore", "link\n");
  open();  // what is ignored may lead anywhere
  fs::remove(path() / ".helmignore");
  link("/etc/hostname", ".helmignore");
  EXPECT_THAT(refusal(), HasSubstr("leads out of the chart"));
}

TEST_F(ChartDirectoryTest, RefusesWhatIsNeitherFileNorDirectory) {
  ASSERT_EQ(::mkfifo((path() / "pipe").c_str(), 0600), 0);
  EXPECT_THAT(refusal(), HasSubstr("pipe is neither a file nor a directory"));
  put(".helmignore", "pipe\n");
  open();
}

TEST_F(ChartDirectoryTest, RefusesNamesAndSizesThatWouldNotComeOutAgain) {
  put("templates/a\x01 b", "");
  EXPECT_THAT(refusal(), HasSubstr("\\x01"));
  fs::remove_all(path() / "templates");
  put("a\\b", "");
  EXPECT_THAT(refusal(), HasSubstr("backslash"));
  fs::remove(path() / "a\\b");
  put("big", std::string(2000, 'x'));
  EXPECT_THAT(refusal(Reason::limit_exceeded, {.file_size = 1999}), HasSubstr("larger than"));
  EXPECT_THAT(refusal(Reason::limit_exceeded, {.unpacked_size = 2000}), HasSubstr("together"));
  EXPECT_THAT(refusal(Reason::limit_exceeded, {.entries = 1}), HasSubstr("more than 1 files"));
  open({.unpacked_size = 2100, .file_size = 2000, .entries = 2});
}

TEST_F(ChartDirectoryTest, RefusesWhatIsNoChart) {
  for (const auto& [yaml, why] :
       {std::pair("name: x\n", "version is missing"), std::pair("version: 1\n", "name is missing"),
        std::pair("name: a/b\nversion: 1.0.0\n", "may hold letters"),
        std::pair("name: ..\nversion: 1.0.0\n", "must not be a directory"),
        std::pair("name: x\nversion: newest\n", "not a semantic version"),
        std::pair(": [\n", "line")}) {
    put("Chart.yaml", yaml);
    EXPECT_THAT(refusal(), HasSubstr(why)) << yaml;
  }
  fs::remove(path() / "Chart.yaml");
  put("chart.yaml", "name: x\nversion: 1.0.0\n");
  EXPECT_THAT(refusal(), HasSubstr("no Chart.yaml"));
  fs::create_directory(path() / "Chart.yaml");
  EXPECT_THAT(refusal(), HasSubstr("no Chart.yaml"));
  fs::remove_all(path());
  EXPECT_THAT(refusal(Reason::usage_invalid), HasSubstr("is not a directory"));
}

TEST_F(ChartDirectoryTest, NoticesThatSomebodyWroteToIt) {
  put("values.yaml", "a: 1\n");
  const ChartDirectory chart = open();
  chart.require_unchanged();
  put("values.yaml", "a: 2\n");
  EXPECT_EQ(reason_of([&] { chart.require_unchanged(); }), Reason::chart_invalid);
  const ChartDirectory again = open();
  put("new", "");
  EXPECT_EQ(reason_of([&] { again.require_unchanged(); }), Reason::chart_invalid);
}

// A file that became a link after it was judged is not followed.
TEST_F(ChartDirectoryTest, DoesNotFollowALinkThatTookAFilesPlace) {
  put("values.yaml", "a: 1\n");
  const ChartDirectory chart = open();
  fs::remove(path() / "values.yaml");
  link("/etc/passwd", "values.yaml");
  EXPECT_TRUE(failure_of([&] { packed(chart); }));
}

}  // namespace
}  // namespace ocisync
