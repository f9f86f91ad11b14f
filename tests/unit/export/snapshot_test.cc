// Layout snapshot: what is accepted is shown all at once, and what was shown can be shown again.

#include "export/snapshot.h"

#include <atomic>
#include <csignal>
#include <set>
#include <thread>

#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/wait.h>
#include <unistd.h>

#include "export/site.h"
#include "export_folder.h"

namespace ocisync::export_test {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class Snapshots : public ExportFolder {
 protected:
  static Publication revision(int number, const std::string& path = "current/web",
                              const std::string& owner = "platform") {
    return publication_of(path, number, Layout::snapshot, owner);
  }

  Publisher open_here(const std::string& owner = "platform") const {
    return open(Layout::snapshot, owner);
  }

  static void accept(Publisher& publisher, int number, const std::string& path = "current/web") {
    make_tree(publisher, number);
    publisher.publish(revision(number, path));
  }

  static std::uint64_t show(Publisher& publisher, int minute = 0) {
    return publisher.show_generation(publisher.published(), noon() + std::chrono::minutes(minute))
        ->number;
  }

  std::string link() const { return fs::read_symlink(root() / "current"); }
};

TEST_F(Snapshots, ShowsWhatWasAcceptedAllAtOnce) {
  Publisher publisher = open_here();
  accept(publisher, 1, "current/team/web");
  accept(publisher, 2, "current/api");
  EXPECT_FALSE(fs::exists(root() / "current"));
  EXPECT_EQ(examined(publisher, "current/api"), PublishedState::accepted);
  EXPECT_EQ(publisher.shown("current/api"), std::nullopt);
  EXPECT_EQ(show(publisher), 1U);
  EXPECT_EQ(link(), ".ocisync/generations/platform/1");
  EXPECT_EQ(fs::read_symlink(root() / "current/team/web"),
            "../../../../trees/directory/" + file_name(manifest_of(1)));
  expect_shows("current/team/web", 1);
  expect_shows("current/api", 2);
  EXPECT_EQ(examined(publisher, "current/api"), PublishedState::current);
  accept(publisher, 3, "current/api");
  EXPECT_EQ(examined(publisher, "current/api"), PublishedState::accepted);
  expect_shows("current/api", 2);
  EXPECT_EQ(publisher.shown("current/api")->manifest, manifest_of(2));
  EXPECT_EQ(publisher.find("current/api")->manifest, manifest_of(3));
  EXPECT_EQ(show(publisher), 2U);
  expect_shows("current/api", 3);
}

TEST_F(Snapshots, UsesTheNewestGenerationAgainWhenItHoldsWhatIsWanted) {
  Publisher publisher = open_here();
  accept(publisher, 1);
  show(publisher);
  fs::remove(root() / "current");
  EXPECT_EQ(show(publisher), 1U);
  fs::remove(root() / "current/web");
  EXPECT_EQ(show(publisher), 2U);
  write_file(root() / "current/more", "somebody else's");
  EXPECT_EQ(show(publisher), 3U);
  fs::remove_all(control() / "generations");
  EXPECT_EQ(show(publisher), 1U);
  expect_shows("current/web", 1);
}

TEST_F(Snapshots, KeepsFiveGenerationsAndWhatTheyName) {
  Publisher publisher = open_here();
  ExportSpec spec = spec_of(Layout::snapshot);
  spec.keep_revisions = 0;
  spec.keep_for = Duration(0);
  for (int number = 1; number <= 8; ++number) {
    accept(publisher, number);
    show(publisher, number);
    retain(publisher, spec, noon() + std::chrono::minutes(number + 1));
  }
  EXPECT_THAT(publisher.snapshot().numbers(), ElementsAre(8, 7, 6, 5, 4));
  for (int number = 1; number <= 8; ++number)
    EXPECT_EQ(fs::exists(tree_of(number)), number >= 4) << number;
  const auto kept = retain(publisher, spec, noon() + std::chrono::hours(1)).kept;
  EXPECT_THAT(kept, testing::SizeIs(5));
}

TEST_F(Snapshots, GoBackToAGenerationThatIsKeptWhole) {
  Publisher publisher = open_here();
  for (int number = 1; number <= 7; ++number) {
    accept(publisher, number);
    show(publisher);
  }
  publisher.roll_back({4, "hash", noon()});
  expect_shows("current/web", 4);
  EXPECT_EQ(open_here().snapshot().pin()->generation, 4U);
  EXPECT_EQ(open_here().snapshot().pin()->spec_hash, "hash");
  EXPECT_EQ(reason_of([&] { publisher.roll_back({2, "hash", noon()}); }), Reason::not_found);
  write_file(tree_of(5) / "values.yaml", "altered");
  EXPECT_EQ(reason_of([&] { publisher.roll_back({5, "hash", noon()}); }), Reason::storage_failed);
  EXPECT_EQ(publisher.snapshot().pin()->generation, 4U);
  for (int number = 8; number <= 14; ++number) {
    accept(publisher, number);
    EXPECT_EQ(reason_of([&] { show(publisher); }), Reason::rolled_back);
    publisher.snapshot().make(publisher.published(), noon());
    publisher.snapshot().trim(Publisher::kKeptGenerations);
  }
  EXPECT_THAT(publisher.snapshot().numbers(), ElementsAre(14, 13, 12, 11, 10, 4));
  expect_shows("current/web", 4);
  publisher.remove_pin();
  EXPECT_FALSE(publisher.snapshot().pin());
  EXPECT_EQ(show(publisher), 14U);
}

// A rollback comes while another process is between making a generation and showing it.
TEST_F(Snapshots, StayWhereARollbackPutThemWhileOthersSwitch) {
  Publisher publisher = open_here(), sidecar = open_here();
  accept(publisher, 0);
  show(publisher);
  std::atomic<bool> done = false;
  std::thread switching([&] {
    for (int number = 1; !done; ++number) {
      accept(sidecar, number % 10);
      const auto failure = reason_of([&] { show(sidecar); });
      EXPECT_EQ(failure.value_or(Reason::rolled_back), Reason::rolled_back);
    }
  });
  for (int round = 0; round < 100; ++round) {
    const std::uint64_t number = publisher.snapshot().shown()->number;
    const auto lost = failure_of([&] { publisher.roll_back({number, "hash", noon()}); });
    const std::string wanted = link_target(GenerationName{"platform", number});
    for (int look = 0; !lost && look < 20; ++look) {
      EXPECT_EQ(link(), wanted);
      ::usleep(100);
    }
    publisher.remove_pin();
    while (link() == wanted)
      ::usleep(100);
  }
  done = true;
  switching.join();
}

TEST_F(Snapshots, BelongToOneOwner) {
  Publisher first = open_here("first");
  make_tree(first, 1);
  first.publish(revision(1, "current/web", "first"));
  Publisher second = open_here("second");  // nothing is shown yet
  show(first);
  EXPECT_EQ(reason_of([&] { open_here("second"); }), Reason::path_conflict);
  EXPECT_EQ(reason_of([&] { second.publish(revision(1, "current/api", "second")); }),
            Reason::path_conflict);
  EXPECT_EQ(reason_of([&] { second.show_generation({}, noon()); }), Reason::path_conflict);
  Publisher third = open(Layout::symlink, "third");
  for (const char* path : {"current", "current/web", "current/api"})
    EXPECT_EQ(reason_of([&] { third.publish(publication_of(path, 1, Layout::symlink, "third")); }),
              Reason::path_conflict)
        << path;
  expect_shows("current/web", 1);
}

TEST_F(Snapshots, GoWithTheLastRecordWhenTheLayoutChanged) {
  Publisher publisher = open_here();
  accept(publisher, 1);
  show(publisher);
  Publisher next = open(Layout::symlink);
  retain(next, spec_of(Layout::symlink), noon());
  expect_shows("current/web", 1);
  next.withdraw(revision(1));
  expect_shows("current/web", 1);
  retain(next, spec_of(Layout::symlink), noon());
  EXPECT_FALSE(fs::is_symlink(root() / "current"));
  EXPECT_FALSE(fs::exists(control() / "generations/platform"));
}

TEST_F(Snapshots, SurviveDamageToWhatIsWrittenAboutThem) {
  Publisher publisher = open_here();
  accept(publisher, 1);
  show(publisher);
  write_file(control() / "generations/platform/1.json", "{");
  EXPECT_EQ(publisher.shown("current/web"), std::nullopt);
  EXPECT_EQ(show(publisher), 2U);
  write_file(control() / "generations/platform/pinned", "{}");
  EXPECT_FALSE(publisher.snapshot().pin());
  fs::remove_all(root() / "current/web");
  fs::create_directory(root() / "current/web");
  EXPECT_EQ(examined(publisher, "current/web"), PublishedState::accepted);
  EXPECT_EQ(show(publisher), 3U);
  expect_shows("current/web", 1);
}

// Reads every chart through one look at `current`: all of one moment.
TEST_F(Snapshots, ShowReadersNoMixtureAcrossCharts) {
  constexpr int kRevisions = 200;
  Publisher publisher = open_here();
  const std::vector<std::string> names = {"api", "db", "web"};
  const auto move_all = [&](int number) {
    for (const std::string& name : names)
      accept(publisher, number, "current/" + name);
    show(publisher, number);
  };
  move_all(0);
  std::atomic<bool> done = false;
  std::atomic<int> reads = 0;
  std::vector<std::thread> readers;
  for (int i = 0; i < 2; ++i)
    readers.emplace_back([&] {
      while (!done && !HasFatalFailure()) {
        const Fd top(::open((root() / "current").c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
        ASSERT_TRUE(top) << std::strerror(errno);
        std::set<std::string> seen;
        for (const std::string& name : names)
          for (const std::string& file : chart_files()) {
            const Fd fd(::openat(top.get(), (name + "/" + file).c_str(), O_RDONLY | O_CLOEXEC));
            if (!fd && errno == ENOENT && reads > 0)
              continue;  // more than five generations old
            ASSERT_TRUE(fd) << name << "/" << file << ": " << std::strerror(errno);
            char text[64];
            const ssize_t count = ::read(fd.get(), text, sizeof text);
            ASSERT_GT(count, 0);
            seen.insert(std::string(text, static_cast<std::size_t>(count)));
          }
        ASSERT_LE(seen.size(), 1U) << "a mixture";
        ++reads;
      }
    });
  for (int number = 1; number <= kRevisions; ++number)
    move_all(number);
  done = true;
  for (std::thread& reader : readers)
    reader.join();
  for (const std::string& name : names)
    expect_shows("current/" + name, kRevisions);
}

// A process that switches all the time is killed at any moment; whoever comes next finds one whole
// generation, and goes on.
TEST_F(Snapshots, AreWholeAfterAKillAtAnyMoment) {
  {
    Publisher publisher = open_here();
    for (int number = 0; number < 10; ++number)
      make_tree(publisher, number);
    accept(publisher, 0, "current/api");
    accept(publisher, 0);
    show(publisher);
  }
  for (int round = 0; round < 30; ++round) {
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      Publisher publisher = open_here();
      for (int number = 1;; ++number)
        for (const char* path : {"current/api", "current/web"}) {
          publisher.publish(revision(number % 10, path));
          if (path == std::string("current/web"))
            show(publisher);
        }
    }
    ::usleep(2000 + 977 * static_cast<useconds_t>(round));
    ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);
    Publisher publisher = open_here();
    const std::string text = contents_of(root() / "current/web/values.yaml");
    EXPECT_EQ(contents_of(root() / "current/api/values.yaml"), text);
    EXPECT_FALSE(text.empty());
    // What was accepted when the kill came may be of two rounds; the next child begins with one.
    accept(publisher, 0, "current/api");
    accept(publisher, 0);
    show(publisher);
    EXPECT_EQ(examined(publisher, "current/web"), PublishedState::current);
    EXPECT_EQ(examined(publisher, "current/api"), PublishedState::current);
    EXPECT_LE(publisher.snapshot().numbers().size(), 6U);
  }
}

TEST(GenerationLinks, AreReadOnlyAsTheyAreWritten) {
  const GenerationName name{"platform", 12};
  EXPECT_EQ(link_target(name), ".ocisync/generations/platform/12");
  EXPECT_EQ(parse_generation_link(link_target(name)), name);
  for (const char* text :
       {"", ".ocisync/generations/platform", ".ocisync/generations/platform/", "/etc",
        ".ocisync/generations/platform/012", ".ocisync/generations/platform/x",
        ".ocisync/generations/../1", ".ocisync/generations/a/b/1", ".ocisync/generations//1",
        "./.ocisync/generations/platform/1", ".ocisync/generations/platform/-1",
        ".ocisync/generations/platform/99999999999999999999"})
    EXPECT_EQ(parse_generation_link(text), std::nullopt) << text;
  const TreeName tree{ExportFormat::both, manifest_of(1)};
  for (const char* path : {"current/web", "current/team/a/web"}) {
    const std::string target = generation_entry_target(path, tree);
    EXPECT_EQ(parse_generation_entry(path, target), tree);
    EXPECT_EQ(parse_generation_entry("current/other/web", target), std::nullopt);
    EXPECT_EQ(parse_generation_entry(path, "../" + target), std::nullopt);
  }
}

TEST(SnapshotPaths, BeginWithTheNameOfTheLink) {
  EXPECT_TRUE(is_snapshot_path("current/web"));
  EXPECT_FALSE(is_snapshot_path("current"));
  EXPECT_FALSE(is_snapshot_path("currently/web"));
  EXPECT_FALSE(is_snapshot_path("web"));
}

}  // namespace
}  // namespace ocisync::export_test
