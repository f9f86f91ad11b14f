#include "chart/archive.h"

#include <clocale>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "unpacking.h"

namespace ocisync {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pair;
using testing::UnorderedElementsAre;

std::vector<std::string> paths_of(const UnpackedChart& chart) {
  std::vector<std::string> paths;
  for (const ArchivedFile& file : chart.files)
    paths.push_back(file.path);
  return paths;
}

TEST(InspectChart, TellsWhatUnpackingTells) {
  const std::string values =
      "\xEF\xBB\xBF"
      "a: 1\n";
  const std::string packed = gzip(small_chart()
                                      .file("u/values.yaml", values)
                                      .file("u/charts/sub/values.yaml", "not: this\n")
                                      .finished());
  Unpacking unpacking;
  const UnpackedChart unpacked = unpacking.run(packed);
  MemorySource source(as_bytes(packed));
  const UnpackedChart seen = inspect_chart(source, {});
  EXPECT_EQ(seen.top, unpacked.top);
  EXPECT_EQ(seen.chart_yaml, unpacked.chart_yaml);
  EXPECT_EQ(seen.values_yaml, "a: 1\n");
  EXPECT_EQ(seen.unpacked_bytes, unpacked.unpacked_bytes);
  EXPECT_EQ(paths_of(seen), paths_of(unpacked));
  for (std::size_t i = 0; i < seen.files.size(); ++i)
    EXPECT_EQ(seen.files[i].digest, unpacked.files[i].digest);
}

TEST(InspectChart, LeavesOutValuesThatAreTooLargeToShow) {
  const std::string packed =
      gzip(small_chart().file("u/values.yaml", std::string((1 << 20) + 1, 'x')).finished());
  MemorySource source(as_bytes(packed));
  const UnpackedChart seen = inspect_chart(source, {.ratio = 100'000});
  EXPECT_FALSE(seen.values_yaml);
  EXPECT_EQ(seen.files.back().size, (1U << 20) + 1);
}

TEST(UnpackChart, WritesEveryFileBelowTheTopDirectory) {
  Unpacking unpacking;
  const auto chart = unpacking.run(gzip(small_chart()
                                            .file("u/values.yaml", "a: 1\n")
                                            .file("u/templates/tests/t.yaml", "t")
                                            .file("u/charts/sub/Chart.yaml", "name: sub")
                                            .file("u/templates/a.yaml", "")
                                            .finished()));
  EXPECT_THAT(
      unpacking.tree(),
      ElementsAre(Pair("Chart.yaml", kSmallChartYaml), Pair("charts/", ""), Pair("charts/sub/", ""),
                  Pair("charts/sub/Chart.yaml", "name: sub"), Pair("templates/", ""),
                  Pair("templates/a.yaml", ""), Pair("templates/tests/", ""),
                  Pair("templates/tests/t.yaml", "t"), Pair("values.yaml", "a: 1\n")));
  EXPECT_EQ(chart.top, "u");
  EXPECT_EQ(chart.chart_yaml, kSmallChartYaml);
  EXPECT_THAT(paths_of(chart),
              ElementsAre("Chart.yaml", "charts/sub/Chart.yaml", "templates/a.yaml",
                          "templates/tests/t.yaml", "values.yaml"));
  EXPECT_EQ(chart.unpacked_bytes, kSmallChartYaml.size() + 5 + 1 + 9);
  for (const ArchivedFile& file : chart.files) {
    const std::string bytes = unpacking.tree()[file.path];
    EXPECT_EQ(file.size, bytes.size()) << file.path;
    EXPECT_EQ(file.digest, Digest::of(bytes)) << file.path;
  }
}

TEST(UnpackChart, GivesModesByPolicyWhateverTheArchiveOrTheUmaskSay) {
  Unpacking unpacking;
  TarFields wild;
  wild.name = "u/bin/run";
  wild.mode = "0006777";
  wild.user = "0001750";
  wild.time = "77777777777";
  TarBuilder tar = small_chart().entry(wild, "x");
  wild.name = "u/none";
  wild.mode = "0000000";
  wild.time = std::string(12, '\xFF');  // the second before 1970
  tar.entry(wild, "y");
  for (const Modes modes : {kDefaultModes, kGroupModes}) {
    const mode_t before = ::umask(0077);
    unpacking.run(gzip(tar.finished()), {}, modes);
    ::umask(before);
    for (const char* name : {"bin", "bin/run", "none"}) {
      struct stat status {};

      ASSERT_EQ(::lstat((unpacking.into_path() / name).c_str(), &status), 0);
      EXPECT_EQ(status.st_mode & 07777, S_ISDIR(status.st_mode) ? modes.directory : modes.file);
      EXPECT_EQ(status.st_uid, ::geteuid());
      EXPECT_LE(std::abs(status.st_mtime - ::time(nullptr)), 60);
    }
  }
}

TEST(UnpackChart, DropsEmptyDirectoriesAndByteOrderMarks) {
  Unpacking unpacking;
  const auto chart = unpacking.run(gzip(TarBuilder()
                                            .directory("u/")
                                            .directory("u")
                                            .directory("u/empty/")
                                            .directory("u/templates/")
                                            .directory("u/templates/")
                                            .file("u/Chart.yaml", "\xEF\xBB\xBFname: u\n")
                                            .file("u/templates/only-a-mark", "\xEF\xBB\xBF")
                                            .file("u/templates/twice", "\xEF\xBB\xBF\xEF\xBB\xBFx")
                                            .file("u/templates/half", "\xEF\xBB")
                                            .finished()));
  EXPECT_THAT(unpacking.tree(),
              ElementsAre(Pair("Chart.yaml", "name: u\n"), Pair("templates/", ""),
                          Pair("templates/half", "\xEF\xBB"), Pair("templates/only-a-mark", ""),
                          Pair("templates/twice", "\xEF\xBB\xBFx")));
  EXPECT_EQ(chart.chart_yaml, "name: u\n");
  EXPECT_EQ(chart.files[0].size, 8U);
  EXPECT_EQ(chart.files[0].digest, Digest::of("name: u\n"));
}

TEST(UnpackChart, ReadsEveryWayToWriteALongOrForeignName) {
  const std::string deep = "u/" + std::string(120, 'd') + "/" + std::string(90, 'f');
  const std::string wide = "u/" + std::string(200, 'w');
  TarFields split;
  split.prefix = "u/prefix";
  split.name = "name";
  const std::string packed = gzip(small_chart()
                                      .gnu_long('L', deep)
                                      .file("u/ignored", "gnu")
                                      .pax({{"path", wide}, {"mtime", "1.5"}, {"comment", "none"}})
                                      .file("u/ignored", "pax")
                                      .entry(split, "ustar")
                                      .pax({{"path", "u/é☃/😀.txt"}})
                                      .file("u/ignored", "utf-8")
                                      .file("u/plain-é", "raw")
                                      .pax({{"path", "u/not-applied"}}, 'g')
                                      .file("u/after-global", "g")
                                      .finished());
  // The process's locale must not matter, and both of these exist everywhere or fail harmlessly.
  for (const char* locale : {"C", "C.UTF-8"}) {
    std::setlocale(LC_ALL, locale);
    Unpacking unpacking;
    unpacking.run(packed);
    std::setlocale(LC_ALL, "C");
    auto tree = unpacking.tree();
    EXPECT_EQ(tree[deep.substr(2)], "gnu");
    EXPECT_EQ(tree[wide.substr(2)], "pax");
    EXPECT_EQ(tree["prefix/name"], "ustar");
    EXPECT_EQ(tree["é☃/😀.txt"], "utf-8");
    EXPECT_EQ(tree["plain-é"], "raw");
    EXPECT_EQ(tree["after-global"], "g");
  }
}

TEST(UnpackChart, ReadsArchivesThatOtherToolsLeaveUnusual) {
  gz_header extra{};  // the field that Helm writes is not shaped as the format asks
  std::string field = "+" + std::string(40, 'A');
  extra.extra = reinterpret_cast<Bytef*>(field.data());
  extra.extra_len = static_cast<uInt>(field.size());
  std::string comment = "Helm";
  extra.comment = reinterpret_cast<Bytef*>(comment.data());

  const std::string tar = small_chart().file("u/values.yaml", "a").finished();
  const std::string open_end = small_chart().file("u/values.yaml", "a").unfinished();
  TarFields contiguous;
  contiguous.name = "u/values.yaml";
  contiguous.type = '7';
  TarFields old;
  old.name = "u/values.yaml";
  old.type = '\0';
  old.magic = "";

  const struct {
    const char* what;
    std::string packed;
  } cases[] = {
      {"extra field and comment", gzip(tar, 6, &extra)},
      {"two members", gzip(tar.substr(0, 700)) + gzip(tar.substr(700))},
      {"an empty member between", gzip(tar.substr(0, 700)) + gzip("") + gzip(tar.substr(700))},
      {"a stored member", gzip(tar, 0)},
      {"no end blocks", gzip(open_end)},
      {"one end block", gzip(open_end + std::string(512, '\0'))},
      {"padded to a tape record", gzip(tar + std::string(9000, '\0'))},
      {"padded by a member of zeros", gzip(tar) + gzip(std::string(512, '\0'))},
      {"contiguous file", gzip(small_chart().entry(contiguous, "a").finished())},
      {"version 7", gzip(small_chart().entry(old, "a").finished())},
  };

  for (const auto& each : cases) {
    Unpacking unpacking;
    const auto error = unpacking.refusal(each.packed);
    EXPECT_FALSE(error) << each.what << ": " << error->what();
    EXPECT_THAT(unpacking.tree(),
                ElementsAre(Pair("Chart.yaml", kSmallChartYaml), Pair("values.yaml", "a")))
        << each.what;
  }
}

TEST(UnpackChart, KeepsNestedArchivesAndLookalikesAsPlainFiles) {
  Unpacking unpacking;
  const std::string nested = gzip(small_chart().finished());
  unpacking.run(gzip(small_chart()
                         .file("u/charts/sub-1.0.0.tgz", nested)
                         .file("u/.helmignore", "*")
                         .file("u/values.schema.json", R"({"$ref":"file:///dev/zero"})")
                         .file("u/chart.yaml", "another name")
                         .file("u/README", "1")
                         .file("u/readme", "2")
                         .file("u/templates/..data", "not a way out")
                         .finished()));
  EXPECT_THAT(unpacking.tree(),
              UnorderedElementsAre(Pair("Chart.yaml", kSmallChartYaml), Pair("charts/", ""),
                                   Pair("charts/sub-1.0.0.tgz", nested), Pair(".helmignore", "*"),
                                   Pair("values.schema.json", R"({"$ref":"file:///dev/zero"})"),
                                   Pair("chart.yaml", "another name"), Pair("README", "1"),
                                   Pair("readme", "2"), Pair("templates/", ""),
                                   Pair("templates/..data", "not a way out")));
}

TEST(UnpackChart, CarriesBytesUnchangedAcrossItsBuffers) {
  std::string contents(1'000'003, '\0');
  std::uint32_t state = 7;
  for (char& c : contents)
    c = static_cast<char>((state = state * 1664525U + 1013904223U) >> 24U);
  for (const std::size_t size : {511U, 512U, 513U, 65'535U, 65'536U, 65'537U, 1'000'003U}) {
    Unpacking unpacking;
    const std::string part = contents.substr(0, size);
    const auto chart = unpacking.run(gzip(small_chart().file("u/big", part).finished()));
    EXPECT_EQ(unpacking.tree()["big"], part);
    EXPECT_EQ(chart.files[1].digest, Digest::of(part));
  }
}

TEST(UnpackChart, FollowsNoLinkThatSomebodyPlantsMeanwhile) {
  TempDirectory elsewhere;
  TempDirectory into;
  std::filesystem::create_symlink(elsewhere.path(), into.path() / "templates");
  const std::string packed = gzip(small_chart().file("u/templates/a", "x").finished());
  MemorySource source(as_bytes(packed));
  EXPECT_THROW(unpack_chart(source, into.directory(), {}, kDefaultModes), Error);
  EXPECT_TRUE(std::filesystem::is_empty(elsewhere.path()));
}

TEST(UnpackChart, NeverOverwritesWhatIsThere) {
  TempDirectory into;
  into.directory().write_new("values.yaml", "mine", 0644);
  const std::string packed = gzip(small_chart().file("u/values.yaml", "theirs").finished());
  MemorySource source(as_bytes(packed));
  EXPECT_THROW(unpack_chart(source, into.directory(), {}, kDefaultModes), Error);
  EXPECT_EQ(into.directory().read("values.yaml", 100), "mine");
}

TEST(UnpackChart, PassesOnWhatTheSourceThrows) {
  class Failing final : public Source {
    std::size_t read(std::span<std::byte>) override {
      throw Error(Reason::storage_failed, "the disk is gone");
    }
  };

  Failing source;
  TempDirectory into;
  try {
    unpack_chart(source, into.directory(), {}, kDefaultModes);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.reason(), Reason::storage_failed);
    EXPECT_THAT(error.what(), HasSubstr("the disk is gone"));
  }
}

}  // namespace
}  // namespace ocisync
