#pragma once

#include <filesystem>
#include <string>

#include "base/files.h"

namespace ocisync {

// A directory of the test's own, gone with the test, whatever modes the test left in it.
class TempDirectory {
 public:
  TempDirectory()
      : path_(std::filesystem::temp_directory_path() / private_name("ocisync-test-")),
        directory_(Directory::create(path_, 0700)) {}

  ~TempDirectory() {
    try {
      Directory::open(path_.parent_path()).remove_tree(path_.filename().string());
    } catch (...) {  // NOLINT(bugprone-empty-catch): a leftover is no reason to end the test run
    }
  }

  TempDirectory(const TempDirectory&) = delete;
  TempDirectory& operator=(const TempDirectory&) = delete;

  const std::filesystem::path& path() const { return path_; }

  const Directory& directory() const { return directory_; }

 private:
  std::filesystem::path path_;
  Directory directory_;
};

}  // namespace ocisync
