#include "export/retention.h"

#include <numeric>

#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/stat.h>

#include "export_folder.h"
#include "support/small_volume.h"

namespace ocisync::export_test {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using testing::ElementsAre;
using testing::IsEmpty;

class Retention : public EitherLayout {
 protected:
  ExportSpec policy(std::uint64_t revisions, Duration keep_for) const {
    ExportSpec spec = spec_of(GetParam());
    spec.keep_revisions = revisions;
    spec.keep_for = keep_for;
    return spec;
  }

  // Which of the first ten revisions still have a tree.
  static std::vector<int> trees_left(Publisher& publisher) {
    std::vector<int> result;
    for (int number = 0; number < 10; ++number)
      if (publisher.trees().check(ExportFormat::directory, manifest_of(number), false) !=
          TreeState::missing)
        result.push_back(number);
    return result;
  }

  static std::vector<Digest> manifests(const std::vector<int>& numbers) {
    std::vector<Digest> result;
    for (const int number : numbers)
      result.push_back(manifest_of(number));
    std::sort(result.begin(), result.end());
    return result;
  }

  // Makes a tree look unused for so long.
  void age(int number, Duration by) const {
    const auto then = std::chrono::system_clock::now() - by;
    const timespec time{std::chrono::system_clock::to_time_t(then), 0};
    const timespec times[2] = {time, time};
    ASSERT_EQ(::utimensat(AT_FDCWD, tree_of(number).concat(".record").c_str(), times, 0), 0);
  }
};

INSTANTIATE_TEST_SUITE_P(Layouts, Retention, testing::Values(Layout::symlink, Layout::directory),
                         layout_name);

TEST_P(Retention, KeepsTheNewestAndTheYoung) {
  struct Case {
    std::uint64_t keep_revisions;
    Duration keep_for;
    std::vector<int> kept;
  };

  // Revisions 1 to 5 are superseded at 12:02, 12:03, 12:04, 12:05, 12:06; 6 is shown; it is 12:10.
  const Case cases[] = {
      {0, minutes(0), {}},
      {1, minutes(0), {5}},
      {3, minutes(0), {3, 4, 5}},
      {9, minutes(0), {1, 2, 3, 4, 5}},
      {0, minutes(5), {5}},
      {0, minutes(7), {3, 4, 5}},
      {1, minutes(7), {3, 4, 5}},
      {4, minutes(5), {2, 3, 4, 5}},
      {0, hours(1), {1, 2, 3, 4, 5}},
  };
  for (const Case& each : cases) {
    Publisher publisher = open_here();
    for (int number = 1; number <= 6; ++number)
      show(publisher, number);
    const auto report =
        retain(publisher, policy(each.keep_revisions, each.keep_for), noon() + minutes(10));
    const auto label = fmt::format("{} {}", each.keep_revisions, each.keep_for.count());
    auto left = each.kept;
    left.push_back(6);
    EXPECT_EQ(trees_left(publisher), left) << label;
    EXPECT_EQ(report.kept, manifests(each.kept)) << label;
    const std::size_t copies = GetParam() == Layout::directory ? 2 : 1;
    EXPECT_EQ(report.removed, copies * (5 - each.kept.size())) << label;
    expect_shows("web", 6);
    EXPECT_EQ(examined(publisher, "web"), PublishedState::current);
    fs::remove_all(root());
  }
}

TEST_P(Retention, HoldsAcrossARestartAndASecondRun) {
  {
    Publisher publisher = open_here();
    for (int number = 1; number <= 4; ++number)
      show(publisher, number);
  }
  for (int run = 0; run < 2; ++run) {
    Publisher publisher = open_here();
    const auto report = retain(publisher, policy(2, minutes(0)), noon() + hours(5));
    EXPECT_EQ(report.kept, manifests({2, 3}));
    EXPECT_EQ(report.removed, run == 0 ? (GetParam() == Layout::directory ? 2U : 1U) : 0U);
  }
  Publisher publisher = open_here();
  show(publisher, 5);
  retain(publisher, policy(2, minutes(0)), noon() + hours(6));
  EXPECT_EQ(trees_left(publisher), (std::vector<int>{3, 4, 5}));
}

TEST_P(Retention, CountsARevisionThatCameBackOnce) {
  Publisher publisher = open_here();
  for (const int number : {1, 2, 3, 1, 2})
    show(publisher, number);
  const auto report = retain(publisher, policy(1, minutes(0)), noon() + hours(5));
  EXPECT_EQ(report.kept, manifests({1}));
  EXPECT_EQ(trees_left(publisher), (std::vector<int>{1, 2}));
}

TEST_P(Retention, NeverRemovesWhatAnotherPathOrOwnerShowsOrRemembers) {
  Publisher publisher = open_here(), other = open_here("other");
  show(publisher, 1);
  show(publisher, 2, "copy");
  for (const int number : {3, 1}) {
    Publication theirs = revision(number, "theirs");
    theirs.owner = "other";
    make_tree(other, number);
    other.publish(theirs);
  }
  for (const int number : {2, 3, 4})
    show(publisher, number);
  // web: 4, before it 3, 2, 1. copy: 2. theirs: 1, before it 3.
  const auto report = retain(publisher, policy(0, minutes(0)), noon() + hours(5));
  EXPECT_THAT(report.kept, IsEmpty());
  EXPECT_EQ(trees_left(publisher), (std::vector<int>{1, 2, 3, 4}));
  retain(other, policy(0, minutes(0)), noon() + hours(5));
  EXPECT_EQ(trees_left(publisher), (std::vector<int>{1, 2, 4}));
  expect_shows("copy", 2);
  expect_shows("theirs", 1);
}

TEST_P(Retention, NeverRemovesTheTargetOfALinkWhateverTheLedgerSays) {
  if (GetParam() != Layout::symlink)
    return;  // a directory needs no tree to be shown
  Publisher publisher = open_here();
  show(publisher, 1);
  show(publisher, 2, "team-a/web");
  show(publisher, 3, "other");
  for (const int number : {1, 2, 3})
    age(number, hours(100));
  fs::remove(control() / "publications/web.json");
  write_file(control() / "publications/team-a%2Fweb.json", "garbage");
  publisher.withdraw(revision(3, "other"));
  age(3, hours(100));
  retain(publisher, policy(0, minutes(0)), std::chrono::system_clock::now());
  EXPECT_EQ(trees_left(publisher), (std::vector<int>{1, 2}));
}

TEST_P(Retention, RemovesWhatNobodyNamesOnceItIsOld) {
  Publisher publisher = open_here();
  show(publisher, 1);
  make_tree(publisher, 2);
  make_tree(publisher, 3);
  age(2, hours(2));
  const auto now = std::chrono::system_clock::now();
  EXPECT_EQ(retain(publisher, policy(1, minutes(0)), now).removed, 1U);
  EXPECT_EQ(trees_left(publisher), (std::vector<int>{1, 3}));
  age(3, hours(2));
  retain(publisher, policy(1, hours(3)), now);
  EXPECT_EQ(trees_left(publisher), (std::vector<int>{1, 3}));
  fs::remove(tree_of(3).concat(".record"));
  retain(publisher, policy(1, minutes(0)), now + hours(2));
  EXPECT_EQ(trees_left(publisher), (std::vector<int>{1}));
  EXPECT_THAT(names_in(control() / "trees/directory"), testing::SizeIs(2));
}

TEST_P(Retention, KeepsAWithdrawnRevisionForItsReaders) {
  Publisher publisher = open_here();
  show(publisher, 1);
  const Directory held = Directory::open(root() / "web");
  age(1, hours(100));
  publisher.withdraw(revision(1));
  const auto now = std::chrono::system_clock::now();
  retain(publisher, policy(0, minutes(0)), now + minutes(59));
  EXPECT_EQ(held.read("values.yaml", 100), text_of(1));
  retain(publisher, policy(0, minutes(0)), now + minutes(62));
  EXPECT_EQ(held.read("values.yaml", 100), std::nullopt);
  EXPECT_THAT(names_in(control() / "retired"), IsEmpty());
  EXPECT_THAT(trees_left(publisher), IsEmpty());
}

TEST_P(Retention, LeavesSetAsideDirectoriesOfOthers) {
  Publisher other = open_here("other");
  for (const int number : {1, 2}) {
    Publication theirs = revision(number, "theirs");
    theirs.owner = "other";
    make_tree(other, number);
    other.publish(theirs);
  }
  Publisher publisher = open_here();
  retain(publisher, policy(0, minutes(0)), noon() + hours(1000));
  const std::size_t expected = GetParam() == Layout::directory ? 1 : 0;
  EXPECT_THAT(names_in(control() / "retired/theirs"), testing::SizeIs(expected));
}

TEST_P(Retention, PassesByWhatSomebodyElsePutThere) {
  Publisher publisher = open_here();
  for (const int number : {1, 2, 3})
    show(publisher, number);
  show(publisher, 3, "team/web");
  const char* foreign[] = {"generations/.DS_Store",
                           "generations/other/7",
                           "retired/.DS_Store",
                           "retired/%2E%2E",
                           "retired/a%00b",
                           "trees/.DS_Store",
                           "publications/.DS_Store",
                           "publications/team%2F..%2Fb.json",
                           "publications/%2Fetc.json",
                           "publications/a%2F%2Fb.json",
                           "publications/%2Eocisync%2Fx.json",
                           "publications/a%2Fb%00.json",
                           "publications/folder.json/x"};
  for (const char* path : foreign) {
    fs::create_directories((control() / path).parent_path());
    write_file(control() / path, "somebody else's");
    EXPECT_NO_THROW(retain(publisher, policy(0, minutes(0)), noon() + hours(5))) << path;
  }
  fs::create_directory_symlink("/etc", control() / "generations/etc");
  EXPECT_NO_THROW(retain(publisher, policy(0, minutes(0)), noon() + hours(5)));
  EXPECT_EQ(trees_left(publisher), (std::vector<int>{3}));
  EXPECT_EQ(examined(publisher, "web"), PublishedState::current);
  for (const char* path : foreign)
    EXPECT_TRUE(fs::exists(control() / path)) << path;
}

TEST_P(Retention, GoesOnPastWhatCannotBeRemoved) {
  const SmallVolume small{"1m"};  // we see mounts of our own
  Publisher publisher = open_here();
  for (const int number : {1, 2, 3, 4})
    show(publisher, number);
  const auto retired = names_in(control() / "retired/web");
  std::vector<fs::path> busy = {tree_of(1)};
  if (!retired.empty())
    busy.push_back(control() / "retired/web" / retired.front());
  for (const fs::path& path : busy)
    ASSERT_EQ(::mount("tmpfs", path.c_str(), "tmpfs", 0, nullptr), 0) << path;
  const auto report = retain(publisher, policy(1, minutes(0)), noon() + hours(5));
  for (const fs::path& path : busy)
    ::umount2(path.c_str(), MNT_DETACH);
  EXPECT_EQ(report.failures, busy.size());
  EXPECT_THAT(report.first_failure, testing::HasSubstr(busy.front().filename().string()));
  EXPECT_EQ(report.kept, manifests({3}));
  EXPECT_EQ(trees_left(publisher), (std::vector<int>{1, 3, 4}));
  EXPECT_EQ(names_in(control() / "retired/web").size(), retired.empty() ? 0U : 2U);
  retain(publisher, policy(1, minutes(0)), std::chrono::system_clock::now() + hours(2));
  EXPECT_EQ(trees_left(publisher), (std::vector<int>{3, 4}));
}

TEST_P(Retention, SparesWhatIsBeingMadeWhateverTheClockSays) {
  Publisher publisher = open_here();
  const auto later = std::chrono::system_clock::now() + hours(1000);
  publisher.trees().make(ExportFormat::directory, manifest_of(1), [&](const Directory& into) {
    retain(publisher, policy(1, minutes(0)), later);
    EXPECT_THAT(names_in(control() / "staging"), testing::SizeIs(1));
    return write_chart(into, 1);
  });
  fs::create_directory(control() / "staging/tree-00");
  retain(publisher, policy(1, minutes(0)), later);
  EXPECT_THAT(names_in(control() / "staging"), IsEmpty());
}

TEST_P(Retention, SweepsLeftoversOfKilledProcesses) {
  Publisher publisher = open_here();
  show(publisher, 1);
  fs::create_directories(control() / "status");
  const char* leftovers[] = {"staging/tree-00",
                             "staging/link-00",
                             "publications/.tmp-00",
                             "status/.tmp-00",
                             "trees/directory/.tmp-00",
                             ".tmp-00",
                             "trees/directory/sha256-00.record"};
  for (const char* path : leftovers)
    write_file(control() / path, "left over");
  const auto now = std::chrono::system_clock::now();
  retain(publisher, policy(1, minutes(0)), now + minutes(50));
  for (const char* path : leftovers)
    EXPECT_TRUE(fs::exists(control() / path)) << path;
  retain(publisher, policy(1, minutes(0)), now + minutes(70));
  for (const char* path : leftovers)
    EXPECT_FALSE(fs::exists(control() / path)) << path;
  EXPECT_EQ(examined(publisher, "web"), PublishedState::current);
}

}  // namespace
}  // namespace ocisync::export_test
