#pragma once

#include <chrono>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "export/publisher.h"
#include "export/retention.h"
#include "support/failure.h"

namespace ocisync::export_test {

namespace fs = std::filesystem;

inline ExportSpec spec_of(Layout layout) {
  ExportSpec spec;
  spec.layout = layout;
  return spec;
}

inline std::string contents_of(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

inline void write_file(const fs::path& path, const std::string& text) {
  std::ofstream(path, std::ios::binary) << text;
}

inline mode_t mode_of(const fs::path& path) {
  struct stat status {};

  EXPECT_EQ(::lstat(path.c_str(), &status), 0) << path;
  return status.st_mode & 07777;
}

inline std::vector<std::string> names_in(const fs::path& path) {
  std::vector<std::string> names;
  if (fs::exists(path))
    for (const auto& entry : fs::directory_iterator(path))
      names.push_back(entry.path().filename());
  std::sort(names.begin(), names.end());
  return names;
}

// Revision `number` of a chart: every file says which it is.
inline Digest manifest_of(int number) { return Digest::of(fmt::format("manifest {}", number)); }

inline const std::vector<std::string>& chart_files() {
  static const std::vector<std::string> files = {
      "Chart.yaml", "values.yaml", "templates/deployment.yaml", "templates/tests/connection.yaml"};
  return files;
}

inline std::string text_of(int number) { return fmt::format("revision {}\n", number); }

inline TreeRecord write_chart(const Directory& into, int number) {
  for (const std::string& path : chart_files()) {
    const auto slash = path.rfind('/');
    const Directory directory =
        slash == std::string::npos ? into.duplicate() : into.ensure(path.substr(0, slash), 0755);
    const Fd fd = directory.create_file(path.substr(slash + 1), 0644);
    write_all(fd.get(), as_bytes(text_of(number)), path);
  }
  return {"web", fmt::format("1.0.{}", number), false, {}};
}

inline void make_tree(Publisher& publisher, int number,
                      ExportFormat format = ExportFormat::directory) {
  publisher.trees().make(format, manifest_of(number),
                         [&](const Directory& into) { return write_chart(into, number); });
}

inline WallTime noon() { return *parse_rfc3339("2026-01-02T12:00:00Z"); }

inline Publication publication_of(const std::string& path, int number,
                                  Layout layout = Layout::symlink,
                                  const std::string& owner = "platform") {
  return {.path = path,
          .owner = owner,
          .chart = "web",
          .layout = layout,
          .format = ExportFormat::directory,
          .manifest = manifest_of(number),
          .chart_name = "web",
          .chart_version = fmt::format("1.0.{}", number),
          .reference = fmt::format("registry.example.com/charts/web:1.0.{}", number),
          .published = noon() + std::chrono::minutes(number)};
}

// A temporary directory in memory, where there is some: publishing syncs the whole volume, and on a
// busy disk these tests would mostly wait for the writes of others.
class MemoryDirectory {
 public:
  MemoryDirectory()
      : path_((fs::is_directory("/dev/shm") ? fs::path("/dev/shm") : fs::temp_directory_path()) /
              private_name("ocisync-test-")) {
    Directory::create(path_, 0700);
  }

  ~MemoryDirectory() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }

  MemoryDirectory(const MemoryDirectory&) = delete;
  MemoryDirectory& operator=(const MemoryDirectory&) = delete;

  const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

// A temporary export volume.
class ExportFolder : public testing::Test {
 protected:
  Publisher open(Layout layout = Layout::symlink, const std::string& owner = "platform") const {
    return Publisher::open(root(), owner, spec_of(layout));
  }

  fs::path root() const { return temporary_.path() / "charts"; }

  fs::path control() const { return root() / ".ocisync"; }

  fs::path tree_of(int number, ExportFormat format = ExportFormat::directory) const {
    return control() / relative_path({format, manifest_of(number)});
  }

  // All files of the path say `number`, and there are no others.
  void expect_shows(const std::string& path, int number) const {
    for (const std::string& file : chart_files())
      EXPECT_EQ(contents_of(root() / path / file), text_of(number)) << path << "/" << file;
    EXPECT_EQ(names_in(root() / path),
              (std::vector<std::string>{"Chart.yaml", "templates", "values.yaml"}));
  }

  static PublishedState examined(const Publisher& publisher, const std::string& path) {
    return publisher.examine(path, publisher.find(path));
  }

 private:
  MemoryDirectory temporary_;
};

inline void PrintTo(PublishedState state, std::ostream* out) {
  static constexpr const char* kNames[] = {"current", "accepted", "other_revision",
                                           "altered", "absent",   "foreign"};
  *out << kNames[static_cast<int>(state)];
}

// What publishing is expected to do in both layouts.
class EitherLayout : public ExportFolder, public testing::WithParamInterface<Layout> {
 protected:
  Publisher open_here(const std::string& owner = "platform") const {
    return open(GetParam(), owner);
  }

  Publication revision(int number, const std::string& path = "web") const {
    return publication_of(path, number, GetParam());
  }

  std::optional<Publication> show(Publisher& publisher, int number,
                                  const std::string& path = "web") const {
    make_tree(publisher, number);
    return publisher.publish(revision(number, path));
  }
};

inline std::string layout_name(const testing::TestParamInfo<Layout>& info) {
  return std::string(to_string(info.param));
}

}  // namespace ocisync::export_test
