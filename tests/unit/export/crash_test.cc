// What a kill leaves behind, state by state, and that the next pass puts it right without help.

#include <csignal>
#include <random>
#include <thread>

#include <gmock/gmock.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "export/ledger.h"
#include "export_folder.h"

namespace ocisync::export_test {
namespace {

using testing::IsEmpty;

class AfterAKill : public EitherLayout {
 protected:
  fs::path entry_file() const { return control() / "publications/web.json"; }

  // What a pass does: look, and put right what is not current.
  void pass(int number) {
    Publisher publisher = open_here();
    if (examined(publisher, "web") != PublishedState::current ||
        publisher.find("web")->manifest != manifest_of(number))
      show(publisher, number);
    expect_shows("web", number);
    EXPECT_EQ(examined(publisher, "web"), PublishedState::current);
  }
};

INSTANTIATE_TEST_SUITE_P(Layouts, AfterAKill, testing::Values(Layout::symlink, Layout::directory),
                         layout_name);

TEST_P(AfterAKill, WhileATreeWasFilled) {
  open_here();
  fs::create_directories(control() / "staging/tree-0123456789abcdef/templates");
  pass(1);
  Publisher publisher = open_here();
  retain(publisher, spec_of(GetParam()), std::chrono::system_clock::now());
  EXPECT_THAT(names_in(control() / "staging"), testing::SizeIs(1));  // may still be in use
  retain(publisher, spec_of(GetParam()), std::chrono::system_clock::now() + std::chrono::hours(2));
  EXPECT_THAT(names_in(control() / "staging"), IsEmpty());
}

TEST_P(AfterAKill, BetweenARecordAndItsTree) {
  Publisher publisher = open_here();
  make_tree(publisher, 1);
  fs::remove_all(tree_of(1));
  EXPECT_EQ(publisher.trees().check(ExportFormat::directory, manifest_of(1), false),
            TreeState::missing);
  pass(1);
}

TEST_P(AfterAKill, BetweenAClaimAndTheFirstShowing) {
  {
    Publisher publisher = open_here();
    show(publisher, 1);
  }
  fs::remove_all(root() / "web");
  std::string entry = contents_of(entry_file());
  const auto at = entry.find("\"directoryStands\": true");
  if (at != std::string::npos)
    entry.replace(at, 23, "\"directoryStands\": false");
  write_file(entry_file(), entry);
  EXPECT_EQ(examined(open_here(), "web"), PublishedState::absent);
  pass(1);
}

TEST_P(AfterAKill, BetweenTheFirstShowingAndItsNote) {
  {
    Publisher publisher = open_here();
    show(publisher, 1);
  }
  std::string entry = contents_of(entry_file());
  const auto at = entry.find("\"directoryStands\": true");
  ASSERT_EQ(at != std::string::npos, GetParam() == Layout::directory);
  if (at != std::string::npos)
    entry.replace(at, 23, "\"directoryStands\": false");
  write_file(entry_file(), entry);
  EXPECT_EQ(examined(open_here(), "web"), PublishedState::current);
  pass(2);
}

TEST_P(AfterAKill, BetweenTheNewEntryAndTheNewRevision) {
  Publisher publisher = open_here();
  show(publisher, 1);
  show(publisher, 2);
  const std::string ahead = contents_of(entry_file());
  show(publisher, 1);
  write_file(entry_file(), ahead);
  EXPECT_EQ(examined(open_here(), "web"), PublishedState::other_revision);
  expect_shows("web", 1);
  pass(2);
}

TEST_P(AfterAKill, BetweenAnExchangeAndSettingTheOldOneAside) {
  Publisher publisher = open_here();
  show(publisher, 1);
  show(publisher, 2);
  for (const std::string& name : names_in(control() / "retired/web"))
    fs::rename(control() / "retired/web" / name, control() / "staging/tree-0123456789abcdef");
  pass(3);
}

TEST_P(AfterAKill, BetweenWithdrawingAndForgetting) {
  Publisher publisher = open_here();
  show(publisher, 1);
  const std::string entry = contents_of(entry_file());
  publisher.withdraw(revision(1));
  write_file(entry_file(), entry);
  EXPECT_EQ(examined(publisher, "web"), PublishedState::absent);
  publisher.withdraw(revision(1));
  EXPECT_FALSE(fs::exists(entry_file()));
}

TEST_P(AfterAKill, AnEntryOfGarbageCountsAsLost) {
  Publisher publisher = open_here();
  int number = 0;
  for (const char* garbage : {"", "garbage", "{}", "{\"path\": \"other\"}", "[[[[["}) {
    show(publisher, ++number);
    write_file(entry_file(), garbage);
    EXPECT_EQ(publisher.find("web"), std::nullopt);
    EXPECT_THAT(publisher.published(), IsEmpty());
    EXPECT_EQ(examined(publisher, "web"), PublishedState::other_revision) << garbage;
    retain(publisher, spec_of(GetParam()), std::chrono::system_clock::now());
    expect_shows("web", number);
    make_tree(publisher, number + 100);
    publisher.publish(revision(number + 100));
    expect_shows("web", number + 100);
  }
}

TEST_P(AfterAKill, ALostEntryIsWrittenAgain) {
  Publisher publisher = open_here();
  show(publisher, 1);
  fs::remove(entry_file());
  EXPECT_EQ(examined(publisher, "web"), PublishedState::other_revision);
  pass(1);
  EXPECT_TRUE(publisher.find("web").has_value());
}

// A child publishes one revision after the other until it is killed at some moment; what it left
// shows a whole revision, and the next process goes on from there.
TEST_P(AfterAKill, AtAnyMoment) {
  std::minstd_rand random(GetParam() == Layout::symlink ? 7 : 11);
  for (int round = 0; round < 60; ++round) {
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      Publisher publisher = open_here();
      for (int number = 0;; number = (number + 1) % 5)
        show(publisher, number);
    }
    std::this_thread::sleep_for(std::chrono::microseconds(500 + random() % 20'000));
    ::kill(child, SIGKILL);
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFSIGNALED(status));
    if (fs::exists(fs::symlink_status(root() / "web"))) {
      const std::string shown = contents_of(root() / "web/Chart.yaml");
      for (const std::string& file : chart_files())
        EXPECT_EQ(contents_of(root() / "web" / file), shown);
    }
    pass(round % 5);
    Publisher publisher = open_here();
    const auto later = std::chrono::system_clock::now() + std::chrono::hours(2);
    ExportSpec spec = spec_of(GetParam());
    spec.keep_revisions = 0;
    retain(publisher, spec, later);
    EXPECT_THAT(names_in(control() / "staging"), IsEmpty());
    EXPECT_THAT(names_in(control() / "publications"), testing::ElementsAre("web.json"));
    EXPECT_THAT(names_in(control() / "trees/directory"), testing::SizeIs(2));
    expect_shows("web", round % 5);
    if (HasFailure())
      return;
  }
}

}  // namespace
}  // namespace ocisync::export_test
