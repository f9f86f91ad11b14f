#pragma once

#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include "base/error.h"
#include "chart/archive.h"
#include "support/failure.h"
#include "support/tar_builder.h"
#include "support/temp_directory.h"

namespace ocisync {

// What is below a directory: files with their contents, directories as "name/", links as "name@"
// with their target, anything else as "name?".
inline std::map<std::string, std::string> tree_below(const std::filesystem::path& root) {
  std::map<std::string, std::string> tree;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(root)) {
    const std::string name = entry.path().lexically_relative(root).string();
    std::ifstream in(entry.path(), std::ios::binary);
    if (entry.is_symlink())
      tree[name + "@"] = std::filesystem::read_symlink(entry.path()).string();
    else if (entry.is_directory())
      tree[name + "/"];
    else if (entry.is_regular_file())
      tree[name] = {std::istreambuf_iterator<char>(in), {}};
    else
      tree[name + "?"];
  }
  return tree;
}

// A place to unpack into, inside a place where nothing may appear.
class Unpacking {
 public:
  UnpackedChart run(std::string_view packed, const ArchiveLimits& limits = {},
                    Modes modes = kDefaultModes) {
    box_.directory().remove_tree("into");
    box_.directory().make_directory("into", 0700);
    MemorySource source(as_bytes(packed));
    return unpack_chart(source, into(), limits, modes);
  }

  // The Error it ended with; absent when it succeeded. Any other exception passes. Whoever only
  // inspects the archive must come to the same judgement.
  std::optional<Error> refusal(std::string_view packed, const ArchiveLimits& limits = {}) {
    const auto error = failure_of([&] { run(packed, limits); });
    MemorySource source(as_bytes(packed));
    const auto other = failure_of([&] { inspect_chart(source, limits); });
    EXPECT_EQ(std::string(other ? other->what() : ""), std::string(error ? error->what() : ""));
    return error;
  }

  Directory into() const { return Directory::open(into_path()); }

  std::filesystem::path into_path() const { return box_.path() / "into"; }

  std::map<std::string, std::string> tree() const { return tree_below(into_path()); }

  // True while the box holds the one directory and that holds only files and directories.
  bool contained() const {
    std::size_t strange = box_.directory().names().size() - 1;
    for (const auto& [name, contents] : tree())
      strange += name.ends_with('@') || name.ends_with('?') ? 1 : 0;
    return strange == 0;
  }

 private:
  TempDirectory box_;
};

}  // namespace ocisync
