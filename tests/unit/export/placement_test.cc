#include "export/placement.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "export_folder.h"
#include "support/temp_directory.h"

namespace ocisync::export_test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class PlacementTest : public testing::Test {
 protected:
  Placed place(const std::string& values, bool replace = false) {
    return place_directory(path(), replace, kDefaultModes, [&](const Directory& into) {
      into.write_atomic("Chart.yaml", "name: web\n", 0600);
      into.ensure("templates/tests", 0700).write_atomic("check.yaml", values, 0600);
      return TreeRecord{"web", "1.0.0", false, {}};
    });
  }

  fs::path path() const { return box.path() / "into"; }

  fs::path check() const { return path() / "web/templates/tests/check.yaml"; }

  TempDirectory box;
};

TEST_F(PlacementTest, CreatesTheDirectoryWithTheModesOfThePolicyAndNothingElse) {
  EXPECT_EQ(place("a"), Placed::created);
  EXPECT_EQ(contents_of(check()), "a");
  EXPECT_EQ(mode_of(check()), 0644U);
  EXPECT_EQ(mode_of(path() / "web"), 0755U);
  EXPECT_EQ(mode_of(path() / "web/templates"), 0755U);
  EXPECT_THAT(names_in(path()), ElementsAre("web"));
}

TEST_F(PlacementTest, LeavesOneThatIsTheSame) {
  place("a");
  struct stat before = {};
  ::lstat((path() / "web").c_str(), &before);
  EXPECT_EQ(place("a", true), Placed::unchanged);
  struct stat after = {};
  ::lstat((path() / "web").c_str(), &after);
  EXPECT_EQ(before.st_ino, after.st_ino);
  EXPECT_THAT(names_in(path()), ElementsAre("web"));
}

TEST_F(PlacementTest, ReplacesOneThatDiffersOnlyWhenTold) {
  place("a");
  const auto differ = [&](const std::function<void()>& change, const std::string& what) {
    SCOPED_TRACE(what);
    fs::remove_all(path() / "web");
    place("a");
    change();
    EXPECT_EQ(reason_of([&] { place("a"); }), Reason::path_conflict);
    EXPECT_THAT(names_in(path()), ElementsAre("web"));
    EXPECT_EQ(place("a", true), Placed::replaced);
    EXPECT_EQ(place("a"), Placed::unchanged);
    EXPECT_THAT(names_in(path()), ElementsAre("web"));
  };
  differ([&] { write_file(check(), "b"); }, "another content");
  differ([&] { write_file(path() / "web/more", ""); }, "one file too many");
  differ([&] { fs::create_directory(path() / "web/more"); }, "one directory too many");
  differ([&] { fs::remove(check()); }, "one file missing");
  differ([&] { fs::permissions(check(), fs::perms(0755)); }, "another mode");
  differ(
      [&] {
        fs::remove(check());
        fs::create_symlink("/dev/null", check());
      },
      "a link for a file");
  differ(
      [&] {
        fs::rename(path() / "web/templates", box.path() / "elsewhere");
        fs::create_directory_symlink(box.path() / "elsewhere", path() / "web/templates");
      },
      "a link for a directory");
  EXPECT_EQ(contents_of(box.path() / "elsewhere/tests/check.yaml"), "a");
}

TEST_F(PlacementTest, ReplacesFilesAndLinksThemselves) {
  fs::create_directories(box.path() / "elsewhere");
  fs::create_directories(path());
  fs::create_directory_symlink(box.path() / "elsewhere", path() / "web");
  EXPECT_EQ(reason_of([&] { place("a"); }), Reason::path_conflict);
  EXPECT_EQ(place("a", true), Placed::replaced);
  EXPECT_TRUE(fs::is_empty(box.path() / "elsewhere"));
  fs::remove_all(path() / "web");
  write_file(path() / "web", "a file");
  EXPECT_EQ(reason_of([&] { place("a"); }), Reason::path_conflict);
  EXPECT_EQ(contents_of(path() / "web"), "a file");
  EXPECT_EQ(place("a", true), Placed::replaced);
}

TEST_F(PlacementTest, LeavesNothingBehindWhenFillingFails) {
  place("a");
  write_file(check(), "b");
  EXPECT_EQ(reason_of([&] {
              place_directory(path(), true, kDefaultModes, [](const Directory& into) -> TreeRecord {
                into.write_atomic("half", "", 0600);
                throw Error(Reason::chart_invalid, "hostile");
              });
            }),
            Reason::chart_invalid);
  EXPECT_THAT(names_in(path()), ElementsAre("web"));
  EXPECT_EQ(contents_of(check()), "b");
}

TEST_F(PlacementTest, ClearsWhatAKilledProcessLeft) {
  fs::create_directories(path() / ".ocisync-export-0123456789abcdef/chart");
  fs::create_directories(path() / ".ocisync");
  place("a");
  EXPECT_THAT(names_in(path()), ElementsAre(".ocisync", "web"));
}

TEST_F(PlacementTest, SaysWhenTheDestinationIsNoPlaceToWrite) {
  write_file(box.path() / "file", "");
  const auto error = failure_of([&] {
    place_directory(box.path() / "file", false, kDefaultModes,
                    [](const Directory&) { return TreeRecord{}; });
  });
  ASSERT_TRUE(error);
  EXPECT_EQ(error->reason(), Reason::volume_unsuitable);
  EXPECT_THAT(error->what(), HasSubstr("file"));
}

}  // namespace
}  // namespace ocisync::export_test
