#include "export/publisher.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include "export_folder.h"

namespace ocisync::export_test {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class Publishing : public EitherLayout {};

INSTANTIATE_TEST_SUITE_P(Layouts, Publishing, testing::Values(Layout::symlink, Layout::directory),
                         layout_name);

TEST_P(Publishing, ShowsAChart) {
  Publisher publisher = open_here();
  EXPECT_EQ(examined(publisher, "web"), PublishedState::absent);
  EXPECT_EQ(show(publisher, 1), std::nullopt);
  expect_shows("web", 1);
  EXPECT_EQ(examined(publisher, "web"), PublishedState::current);
  EXPECT_EQ(fs::is_symlink(root() / "web"), GetParam() == Layout::symlink);
  EXPECT_THAT(names_in(root()), ElementsAre(".ocisync", "web"));
  EXPECT_THAT(names_in(control() / "staging"), IsEmpty());
}

TEST_P(Publishing, RemembersWhatItShows) {
  Publisher publisher = open_here();
  show(publisher, 1);
  const auto found = open_here().find("web");
  ASSERT_TRUE(found.has_value());
  const Publication expected = revision(1);
  EXPECT_EQ(found->path, expected.path);
  EXPECT_EQ(found->owner, expected.owner);
  EXPECT_EQ(found->chart, expected.chart);
  EXPECT_EQ(found->layout, expected.layout);
  EXPECT_EQ(found->format, expected.format);
  EXPECT_EQ(found->manifest, expected.manifest);
  EXPECT_EQ(found->chart_name, expected.chart_name);
  EXPECT_EQ(found->chart_version, expected.chart_version);
  EXPECT_EQ(found->reference, expected.reference);
  EXPECT_EQ(found->published, expected.published);
}

TEST_P(Publishing, ReplacesARevisionAndSaysWhich) {
  Publisher publisher = open_here();
  show(publisher, 1);
  const auto replaced = show(publisher, 2);
  ASSERT_TRUE(replaced.has_value());
  EXPECT_EQ(replaced->manifest, manifest_of(1));
  expect_shows("web", 2);
  EXPECT_EQ(examined(publisher, "web"), PublishedState::current);
  EXPECT_EQ(publisher.examine("web", replaced), PublishedState::other_revision);
}

TEST_P(Publishing, KeepsTheOldRevisionWhenTheNewTreeIsAltered) {
  Publisher publisher = open_here();
  show(publisher, 1);
  make_tree(publisher, 2);
  fs::remove(tree_of(2) / "values.yaml");
  EXPECT_EQ(reason_of([&] { publisher.publish(revision(2)); }), Reason::storage_failed);
  EXPECT_EQ(reason_of([&] { publisher.publish(revision(3)); }), Reason::storage_failed);
  expect_shows("web", 1);
  EXPECT_EQ(examined(publisher, "web"), PublishedState::current);
}

TEST_P(Publishing, RepairsAnAlteredExport) {
  Publisher publisher = open_here();
  show(publisher, 1);
  write_file(root() / "web/values.yaml", "altered");
  EXPECT_EQ(examined(publisher, "web"), PublishedState::altered);
  show(publisher, 1);
  expect_shows("web", 1);
  EXPECT_EQ(examined(publisher, "web"), PublishedState::current);
}

TEST_P(Publishing, RepairsARemovedExport) {
  Publisher publisher = open_here();
  show(publisher, 1);
  fs::remove_all(root() / "web");
  EXPECT_EQ(examined(publisher, "web"), PublishedState::absent);
  show(publisher, 1);
  expect_shows("web", 1);
}

TEST_P(Publishing, RepairsAVolumeThatWasWipedMeanwhile) {
  Publisher publisher = open_here();
  show(publisher, 1);
  fs::remove_all(root());
  EXPECT_EQ(examined(publisher, "web"), PublishedState::absent);
  show(publisher, 1);
  expect_shows("web", 1);
  EXPECT_EQ(examined(publisher, "web"), PublishedState::current);
  EXPECT_EQ(contents_of(control() / "format"), "1\n");
}

TEST_P(Publishing, FindsAHiddenChangeOnceAfterAStart) {
  Publisher publisher = open_here();
  show(publisher, 1);
  EXPECT_EQ(examined(publisher, "web"), PublishedState::current);
  const fs::path file = fs::canonical(root() / "web") / "values.yaml";

  struct stat status {};

  ASSERT_EQ(::stat(file.c_str(), &status), 0);
  write_file(file, "revision x\n");
  const timespec times[2] = {status.st_atim, status.st_mtim};
  ASSERT_EQ(::utimensat(AT_FDCWD, file.c_str(), times, 0), 0);
  EXPECT_EQ(examined(publisher, "web"), PublishedState::current);
  EXPECT_EQ(examined(open_here(), "web"), PublishedState::altered);
}

TEST_P(Publishing, ChangesNothingWhileItLooks) {
  Publisher publisher = open_here();
  show(publisher, 1);
  const auto times = [this] {
    std::vector<std::int64_t> result;
    for (const auto& entry : fs::recursive_directory_iterator(root())) {
      struct stat status {};
      EXPECT_EQ(::lstat(entry.path().c_str(), &status), 0);
      result.push_back(status.st_ctim.tv_sec * 1'000'000'000 + status.st_ctim.tv_nsec);
      result.push_back(static_cast<std::int64_t>(status.st_ino));
    }
    return result;
  };
  const auto before = times();
  EXPECT_EQ(examined(publisher, "web"), PublishedState::current);
  publisher.look("web");
  EXPECT_EQ(publisher.published().size(), 1U);
  EXPECT_EQ(times(), before);
}

TEST_P(Publishing, ReachesNestedPaths) {
  Publisher publisher = open_here();
  show(publisher, 1, "team-a/web");
  show(publisher, 2, "team-a/deep/er/web");
  expect_shows("team-a/web", 1);
  expect_shows("team-a/deep/er/web", 2);
  show(publisher, 3, "team-a/web");
  expect_shows("team-a/web", 3);
  EXPECT_EQ(examined(publisher, "team-a/web"), PublishedState::current);
  EXPECT_EQ(mode_of(root() / "team-a"), 0755U);
}

TEST_P(Publishing, WithdrawsAnExportAndItsEmptyParents) {
  Publisher publisher = open_here();
  show(publisher, 1, "team-a/web");
  show(publisher, 1, "team-a/deep/er/web");
  publisher.withdraw(revision(1, "team-a/deep/er/web"));
  EXPECT_THAT(names_in(root() / "team-a"), ElementsAre("web"));
  publisher.withdraw(revision(1, "team-a/web"));
  EXPECT_THAT(names_in(root()), ElementsAre(".ocisync"));
  EXPECT_THAT(publisher.published(), IsEmpty());
  EXPECT_EQ(examined(publisher, "team-a/web"), PublishedState::absent);
  publisher.withdraw(revision(1, "team-a/web"));
}

TEST_P(Publishing, LeavesOtherThingsInAParentAlone) {
  Publisher publisher = open_here();
  show(publisher, 1, "team-a/web");
  write_file(root() / "team-a/README", "ours");
  publisher.withdraw(revision(1, "team-a/web"));
  EXPECT_THAT(names_in(root() / "team-a"), ElementsAre("README"));
}

TEST_P(Publishing, GivesModesOfThePolicyWhateverTheUmask) {
  for (const bool group : {false, true}) {
    const mode_t before = ::umask(group ? 0022 : 0077);
    ExportSpec spec = spec_of(GetParam());
    spec.group_write = group;
    const fs::path at = root() / (group ? "group" : "own");
    Publisher publisher = Publisher::open(at, "platform", spec);
    make_tree(publisher, 1);
    publisher.publish(revision(1, "team-a/web"));
    ::umask(before);
    const mode_t file = group ? 0664 : 0644, directory = group ? 0775 : 0755;
    for (const char* path : {"", "team-a", "team-a/web/", "team-a/web/templates", ".ocisync",
                             ".ocisync/trees/directory", ".ocisync/publications"})
      EXPECT_EQ(mode_of(at / path), directory) << path;
    for (const char* path : {"team-a/web/values.yaml", "team-a/web/templates/deployment.yaml",
                             ".ocisync/publications/team-a%2Fweb.json"})
      EXPECT_EQ(mode_of(at / path), file) << path;
  }
}

TEST_P(Publishing, SharesATreeBetweenPaths) {
  Publisher publisher = open_here();
  show(publisher, 1, "one");
  show(publisher, 1, "two");
  EXPECT_EQ(publisher.trees().list().size(), 1U);
  publisher.withdraw(revision(1, "one"));
  expect_shows("two", 1);
  EXPECT_EQ(examined(publisher, "two"), PublishedState::current);
}

class Switching : public ExportFolder {};

TEST_F(Switching, FromLinkToDirectoryAndBack) {
  const Layout layouts[] = {Layout::symlink, Layout::directory, Layout::symlink, Layout::directory};
  int number = 0;
  for (const Layout layout : layouts) {
    Publisher publisher = open(layout);
    make_tree(publisher, ++number);
    if (number > 1) {
      auto wanted = *publisher.find("web");
      wanted.layout = layout;
      EXPECT_EQ(publisher.examine("web", wanted), PublishedState::other_revision);
    }
    publisher.publish(publication_of("web", number, layout));
    expect_shows("web", number);
    EXPECT_EQ(fs::is_symlink(root() / "web"), layout == Layout::symlink);
    EXPECT_EQ(examined(publisher, "web"), PublishedState::current);
  }
  EXPECT_THAT(names_in(control() / "staging"), IsEmpty());
}

TEST_F(Switching, FormatOfOneRevision) {
  Publisher publisher = open();
  make_tree(publisher, 1);
  publisher.publish(publication_of("web", 1));
  publisher.trees().make(ExportFormat::archive, manifest_of(1), [](const Directory& into) {
    write_all(into.create_file("web-1.0.1.tgz", 0644).get(), as_bytes("archive"), "");
    return TreeRecord{"web", "1.0.1", false, {}};
  });
  Publication archive = publication_of("web", 1);
  archive.format = ExportFormat::archive;
  EXPECT_EQ(publisher.examine("web", archive), PublishedState::other_revision);
  publisher.publish(archive);
  EXPECT_THAT(names_in(root() / "web"), ElementsAre("web-1.0.1.tgz"));
  EXPECT_EQ(examined(publisher, "web"), PublishedState::current);
}

TEST_F(Switching, LinksAreRelativeAndWorkWhereverTheVolumeIsMounted) {
  Publisher publisher = open();
  make_tree(publisher, 1);
  publisher.publish(publication_of("team-a/web", 1));
  EXPECT_EQ(fs::read_symlink(root() / "team-a/web"),
            "../.ocisync/trees/directory/sha256-" + manifest_of(1).hex());
  fs::rename(root(), root().parent_path() / "elsewhere");
  EXPECT_EQ(contents_of(root().parent_path() / "elsewhere/team-a/web/values.yaml"), text_of(1));
}

}  // namespace
}  // namespace ocisync::export_test
