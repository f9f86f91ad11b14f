#include "spec/source.h"

#include <filesystem>

#include <gtest/gtest.h>
#include <unistd.h>

#include "support/expect_error.h"
#include "support/temp_directory.h"

namespace ocisync {
namespace {

namespace fs = std::filesystem;

class SpecSources : public testing::Test {
 protected:
  void write(const std::string& name, std::string_view text) {
    folder_.directory().write_atomic(name, text, 0644);
  }

  std::string path(const std::string& name = "") const { return (folder_.path() / name).native(); }

  TempDirectory folder_;
};

std::vector<std::string> texts(const std::vector<SpecSource>& sources) {
  std::vector<std::string> result;
  for (const SpecSource& source : sources)
    result.push_back(source.text);
  return result;
}

TEST_F(SpecSources, AFileKeepsItsNameAndStartsRelativePathsWhereItIs) {
  write("charts.yaml", "a: 1");
  const auto sources = read_spec_sources({path("charts.yaml")});
  ASSERT_EQ(sources.size(), 1U);
  EXPECT_EQ(sources[0].name, path("charts.yaml"));
  EXPECT_EQ(sources[0].text, "a: 1");
  EXPECT_EQ(sources[0].base, folder_.path());
}

TEST_F(SpecSources, ADirectoryIsReadInNameOrderWithoutWhatKubernetesHidesAndWithoutLocks) {
  write("b.yml", "b");
  write("a.yaml", "a");
  write("notes.txt", "no");
  write("..data.yaml", "no");
  write("charts.lock.yaml", "apiVersion: ocisync.dev/v1alpha1\nkind: ChartLock\n<<<<<<< HEAD\n");
  fs::create_directory(path("folder.yaml"));
  EXPECT_EQ(texts(read_spec_sources({path()})), (std::vector<std::string>{"a", "b"}));
}

TEST_F(SpecSources, AConfigMapIsReadThroughItsLinks) {
  fs::create_directory(path("..2026"));
  Directory::open(path("..2026")).write_atomic("charts.yaml", "new", 0644);
  fs::create_symlink("..2026", path("..data"));
  fs::create_symlink("..data/charts.yaml", path("charts.yaml"));
  const auto sources = read_spec_sources({path()});
  ASSERT_EQ(texts(sources), std::vector<std::string>{"new"});
  EXPECT_EQ(sources[0].base, folder_.path()) << "the link's folder, not its target's";
}

TEST_F(SpecSources, SeveralArgumentsStayInTheirOrder) {
  write("z.yaml", "z");
  write("a.yaml", "a");
  EXPECT_EQ(texts(read_spec_sources({path("z.yaml"), path("a.yaml")})),
            (std::vector<std::string>{"z", "a"}));
}

TEST_F(SpecSources, ALockFileThatIsNamedIsReadSoThatItCanBeExplained) {
  write("charts.lock.yaml", "kind: ChartLock\n");
  EXPECT_EQ(read_spec_sources({path("charts.lock.yaml")}).size(), 1U);
}

TEST_F(SpecSources, SaysWhatCannotBeRead) {
  write("only.txt", "");
  write("twice.yaml", "");
  const std::vector<std::vector<std::string>> cases = {{path("absent.yaml")},
                                                       {path()},
                                                       {""},
                                                       {"/dev/null"},
                                                       {path("twice.yaml"), path("twice.yaml")}};
  fs::remove(path("twice.yaml"));
  for (const auto& arguments : cases)
    EXPECT_EQ(reason_of([&] { read_spec_sources(arguments); }), Reason::spec_invalid)
        << arguments[0];
}

TEST_F(SpecSources, ADanglingLinkInADirectoryIsAnErrorNotASilence) {
  fs::create_symlink("gone", path("charts.yaml"));
  const auto error = error_of([&] { read_spec_sources({path()}); });
  EXPECT_NE(std::string(error->what()).find("charts.yaml"), std::string::npos);
}

TEST_F(SpecSources, StandardInputIsADash) {
  write("piped.yaml", "from a pipe");
  const int saved = ::dup(STDIN_FILENO);
  const auto file = folder_.directory().open_file("piped.yaml");
  ASSERT_TRUE(file);
  ASSERT_GE(::dup2(file->get(), STDIN_FILENO), 0);
  const auto sources = read_spec_sources({"-"});
  ::dup2(saved, STDIN_FILENO);
  ::close(saved);
  ASSERT_EQ(sources.size(), 1U);
  EXPECT_EQ(sources[0].text, "from a pipe");
  EXPECT_EQ(sources[0].name, "<stdin>");
  EXPECT_EQ(sources[0].base, fs::current_path());
}

}  // namespace
}  // namespace ocisync
