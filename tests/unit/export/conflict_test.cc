#include <gmock/gmock.h>
#include <sys/stat.h>

#include "export_folder.h"

namespace ocisync::export_test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

// Something that somebody else put where a chart should go.
struct Foreign {
  const char* name;
  std::function<void(const fs::path& at)> plant;
  const char* said;  // of it
};

const Foreign kForeign[] = {
    {"file", [](const fs::path& at) { write_file(at, "mine"); }, "a regular file"},
    {"directory",
     [](const fs::path& at) {
       fs::create_directory(at);
       write_file(at / "notes", "mine");
     },
     "a directory"},
    {"empty_directory", [](const fs::path& at) { fs::create_directory(at); }, "a directory"},
    {"dangling_link", [](const fs::path& at) { fs::create_symlink("nowhere", at); },
     "a symbolic link to nowhere"},
    {"absolute_link",
     [](const fs::path& at) {
       fs::create_symlink("/charts/.ocisync/trees/directory/sha256-" + manifest_of(1).hex(), at);
     },
     "a symbolic link to /charts/"},
    {"link_to_elsewhere", [](const fs::path& at) { fs::create_symlink("/etc", at); },
     "a symbolic link to /etc"},
    {"link_beside_the_trees",
     [](const fs::path& at) { fs::create_symlink(".ocisync/publications", at); },
     "a symbolic link to .ocisync/publications"},
    {"fifo", [](const fs::path& at) { ::mkfifo(at.c_str(), 0644); }, "a FIFO"},
};

class InTheWay : public ExportFolder,
                 public testing::WithParamInterface<std::tuple<Layout, Foreign>> {
 protected:
  Layout layout() const { return std::get<Layout>(GetParam()); }

  const Foreign& foreign() const { return std::get<Foreign>(GetParam()); }

  // What lstat says of the thing, which nobody may touch.
  std::string looks(const fs::path& at) const {
    struct stat status {};

    EXPECT_EQ(::lstat(at.c_str(), &status), 0);
    return fmt::format("{} {} {} {}", status.st_ino, status.st_mode, status.st_ctim.tv_sec,
                       status.st_ctim.tv_nsec);
  }

  void expect_conflict(Publisher& publisher, const std::string& path) {
    const std::string before = looks(root() / path);
    const auto error = failure_of([&] { publisher.publish(publication_of(path, 1, layout())); });
    ASSERT_TRUE(error.has_value());
    EXPECT_EQ(error->reason(), Reason::path_conflict);
    EXPECT_THAT(error->message(), HasSubstr(path + " is " + foreign().said));
    EXPECT_EQ(reason_of([&] { publisher.look(path); }), Reason::path_conflict);
    EXPECT_EQ(examined(publisher, path), PublishedState::foreign);
    EXPECT_EQ(looks(root() / path), before);
  }
};

TEST_P(InTheWay, IsNamedAndLeftAlone) {
  Publisher publisher = open(layout());
  make_tree(publisher, 1);
  foreign().plant(root() / "web");
  expect_conflict(publisher, "web");
  EXPECT_EQ(publisher.find("web"), std::nullopt);
  EXPECT_THAT(names_in(control() / "staging"), testing::IsEmpty());
}

TEST_P(InTheWay, IsLeftAloneAfterAClaimThatWasNeverShown) {
  Publisher publisher = open(layout());
  make_tree(publisher, 1);
  publisher.publish(publication_of("web", 1, Layout::symlink));
  fs::remove(root() / "web");
  foreign().plant(root() / "web");
  expect_conflict(publisher, "web");
  const std::string before = looks(root() / "web");
  publisher.withdraw(*publisher.find("web"));
  EXPECT_EQ(looks(root() / "web"), before);
  EXPECT_EQ(publisher.find("web"), std::nullopt);
}

TEST_P(InTheWay, OfAParentDirectoryIsLeftAlone) {
  if (foreign().said == std::string("a directory"))
    return;  // a user's directory may hold our exports
  Publisher publisher = open(layout());
  make_tree(publisher, 1);
  foreign().plant(root() / "team");
  const std::string before = looks(root() / "team");
  const auto error =
      failure_of([&] { publisher.publish(publication_of("team/web", 1, layout())); });
  ASSERT_TRUE(error.has_value());
  EXPECT_EQ(error->reason(), Reason::path_conflict);
  EXPECT_THAT(error->message(), HasSubstr("team is a"));
  EXPECT_EQ(examined(publisher, "team/web"), PublishedState::foreign);
  EXPECT_EQ(looks(root() / "team"), before);
}

INSTANTIATE_TEST_SUITE_P(Each, InTheWay,
                         testing::Combine(testing::Values(Layout::symlink, Layout::directory),
                                          testing::ValuesIn(kForeign)),
                         [](const auto& each) {
                           return fmt::format("{}_{}", to_string(std::get<Layout>(each.param)),
                                              std::get<Foreign>(each.param).name);
                         });

class Owners : public EitherLayout {};

INSTANTIATE_TEST_SUITE_P(Layouts, Owners, testing::Values(Layout::symlink, Layout::directory),
                         layout_name);

TEST_P(Owners, DoNotTakeAPathFromEachOther) {
  Publisher first = open_here("first"), second = open_here("second");
  Publication mine = revision(1), theirs = revision(2);
  mine.owner = "first";
  theirs.owner = "second";
  make_tree(first, 1);
  make_tree(second, 2);
  first.publish(mine);
  const auto error = failure_of([&] { second.publish(theirs); });
  ASSERT_TRUE(error.has_value());
  EXPECT_EQ(error->reason(), Reason::path_conflict);
  EXPECT_THAT(error->message(), HasSubstr("web is published by first for its chart web"));
  EXPECT_EQ(examined(second, "web"), PublishedState::foreign);
  EXPECT_EQ(second.find("web"), std::nullopt);
  second.withdraw(mine);
  expect_shows("web", 1);
  EXPECT_THAT(second.published(), testing::IsEmpty());
  first.withdraw(mine);
  second.publish(theirs);
  expect_shows("web", 2);
}

TEST_P(Owners, ShareAVolumeAndATree) {
  Publisher first = open_here("first"), second = open_here("second");
  make_tree(first, 1);
  for (Publisher* publisher : {&first, &second}) {
    Publication publication = revision(1, publisher == &first ? "one" : "two");
    publication.owner = publisher == &first ? "first" : "second";
    publisher->publish(publication);
  }
  ASSERT_EQ(first.published().size(), 1U);
  EXPECT_EQ(first.published()[0].path, "one");
  EXPECT_EQ(second.published()[0].path, "two");
  expect_shows("one", 1);
  expect_shows("two", 1);
}

TEST_P(Owners, DoNotNestExports) {
  Publisher first = open_here("first"), second = open_here("second");
  make_tree(first, 1);
  Publication outer = revision(1, "team"), inner = revision(1, "team/web");
  outer.owner = "first";
  inner.owner = "second";
  first.publish(outer);
  auto error = failure_of([&] { second.publish(inner); });
  ASSERT_TRUE(error.has_value());
  EXPECT_EQ(error->reason(), Reason::path_conflict);
  EXPECT_THAT(error->message(), HasSubstr("team is published by first"));
  first.withdraw(outer);
  second.publish(inner);
  error = failure_of([&] { first.publish(outer); });
  ASSERT_TRUE(error.has_value());
  EXPECT_EQ(error->reason(), Reason::path_conflict);
  EXPECT_THAT(error->message(), HasSubstr("team holds another export: team/web is published by"));
  expect_shows("team/web", 1);
}

TEST_P(Owners, OfTheVolumeKeepTheirOwnThings) {
  fs::create_directories(root() / "lost+found");
  fs::create_directories(root() / "somebody/else");
  write_file(root() / "somebody/else/file", "theirs");
  Publisher publisher = open_here();
  show(publisher, 1);
  show(publisher, 1, "somebody/web");
  retain(publisher, spec_of(GetParam()), noon() + std::chrono::hours(1000));
  publisher.withdraw(revision(1, "somebody/web"));
  publisher.withdraw(revision(1));
  EXPECT_THAT(names_in(root()), ElementsAre(".ocisync", "lost+found", "somebody"));
  EXPECT_EQ(contents_of(root() / "somebody/else/file"), "theirs");
}

TEST_P(Owners, MayNotPublishIntoTheControlDirectory) {
  Publisher publisher = open_here();
  make_tree(publisher, 1);
  EXPECT_EQ(reason_of([&] { publisher.publish(revision(1, ".ocisync/trees")); }), Reason::internal);
}

}  // namespace
}  // namespace ocisync::export_test
