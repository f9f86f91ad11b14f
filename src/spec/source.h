#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace ocisync {

// One spec file's bytes, with the name used in messages and the folder its relative paths start
// from.
struct SpecSource {
  std::string name;
  std::string text;
  std::filesystem::path base;
};

// Finds the files behind --config arguments: a file, "-" (standard input), or a directory (its
// *.yaml and *.yml in name order, names beginning with ".." and documents of kind ChartLock
// skipped). Throws Error(spec_invalid) when one cannot be read.
std::vector<SpecSource> read_spec_sources(const std::vector<std::string>& arguments);

}  // namespace ocisync
