// Readers and publishers at the same time.

#include <atomic>
#include <set>
#include <thread>

#include <fcntl.h>
#include <gmock/gmock.h>
#include <unistd.h>

#include "export_folder.h"

namespace ocisync::export_test {
namespace {

constexpr int kRevisions = 200;

class Readers : public EitherLayout {
 protected:
  // Reads all files of one directory that was opened once: one revision, and all of it.
  void read_tree() const {
    const Fd directory(::open((root() / "web").c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    ASSERT_TRUE(directory) << "open: " << std::strerror(errno);
    std::set<std::string> seen;
    for (const std::string& file : chart_files()) {
      const Fd fd(::openat(directory.get(), file.c_str(), O_RDONLY | O_CLOEXEC));
      ASSERT_TRUE(fd) << file << ": " << std::strerror(errno);
      char text[64];
      const ssize_t count = ::read(fd.get(), text, sizeof text);
      ASSERT_GT(count, 0);
      seen.insert(std::string(text, static_cast<std::size_t>(count)));
    }
    ASSERT_EQ(seen.size(), 1U) << "a mixture";
  }

  // Opens a file by its whole path, as a reader without care does.
  void read_file() const {
    const Fd fd(::open((root() / "web/templates/deployment.yaml").c_str(), O_RDONLY | O_CLOEXEC));
    ASSERT_TRUE(fd) << std::strerror(errno);
  }
};

INSTANTIATE_TEST_SUITE_P(Layouts, Readers, testing::Values(Layout::symlink, Layout::directory),
                         layout_name);

TEST_P(Readers, SeeOneWholeRevisionWhileManyArePublished) {
  Publisher publisher = open_here();
  show(publisher, 0);
  std::atomic<bool> done = false;
  std::vector<std::thread> readers;
  for (int i = 0; i < 2; ++i)
    readers.emplace_back([&] {
      while (!done && !HasFatalFailure()) {
        read_tree();
        read_file();
      }
    });
  for (int number = 1; number <= kRevisions; ++number)
    show(publisher, number);
  done = true;
  for (std::thread& reader : readers)
    reader.join();
  expect_shows("web", kRevisions);
}

TEST_P(Readers, HoldingAnOldRevisionKeepItForAWhile) {
  Publisher publisher = open_here();
  show(publisher, 1);
  const Directory held = Directory::open(root() / "web");
  show(publisher, 2);
  show(publisher, 3);
  ExportSpec spec = spec_of(GetParam());
  spec.keep_for = std::chrono::hours(1);
  retain(publisher, spec, revision(3).published + std::chrono::minutes(57));
  EXPECT_EQ(held.read("values.yaml", 100), text_of(1));
  retain(publisher, spec, revision(3).published + std::chrono::minutes(61));
  EXPECT_EQ(held.read("values.yaml", 100), std::nullopt);
}

TEST_P(Readers, SeeTheSameOfManyPublishersOfOneSpec) {
  Publisher first = open_here(), second = open_here();
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i)
    threads.emplace_back([&, i] {
      Publisher& publisher = i % 2 ? first : second;
      for (int number = 0; number < 40; ++number)
        show(publisher, number, fmt::format("chart-{}", number % 8));
    });
  for (std::thread& thread : threads)
    thread.join();
  for (int chart = 0; chart < 8; ++chart) {
    const std::string path = fmt::format("chart-{}", chart);
    EXPECT_EQ(examined(first, path), PublishedState::current) << path;
    EXPECT_EQ(fs::exists(root() / path / "Chart.yaml"), true);
  }
  EXPECT_THAT(names_in(control() / "staging"), testing::IsEmpty());
  EXPECT_THAT(names_in(control() / "publications"), testing::SizeIs(8));
}

TEST_P(Readers, FindOneOwnerWhereTwoWantAPath) {
  Publisher first = open_here("first"), second = open_here("second");
  make_tree(first, 1);
  make_tree(first, 2);
  for (int round = 0; round < 30; ++round) {
    const std::string path = fmt::format("chart-{}", round);
    std::atomic<int> shown = 0, refused = 0;
    const auto publish = [&](Publisher& publisher, int number, const std::string& owner) {
      Publication publication = revision(number, path);
      publication.owner = owner;
      const auto reason = reason_of([&] { publisher.publish(publication); });
      ++(reason == Reason::path_conflict ? refused : shown);
    };
    std::thread one([&] { publish(first, 1, "first"); });
    std::thread other([&] { publish(second, 2, "second"); });
    one.join();
    other.join();
    EXPECT_EQ(shown, 1);
    EXPECT_EQ(refused, 1);
    expect_shows(path, first.find(path) ? 1 : 2);
  }
}

}  // namespace
}  // namespace ocisync::export_test
