#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/files.h"

namespace ocisync {

// The directories open along one path below a root, so that a run of files in one folder costs no
// walking. Missing ones are made. One thread at a time.
class Branch {
 public:
  // `root` outlives the branch.
  Branch(const Directory& root, mode_t mode) : root_(root), mode_(mode) {}

  // The directory `path` below the root, whose components are single file names; "" is the root.
  // Good until the next call.
  const Directory& reach(std::string_view path);

 private:
  struct Level {
    std::string name;
    Directory directory;
  };

  const Directory& root_;
  mode_t mode_;
  std::vector<Level> levels_;
};

// "a/b/c" is "c" in "a/b"; "c" is "c" in "".
std::string_view parent_of(std::string_view path);
std::string_view last_of(std::string_view path);

}  // namespace ocisync
