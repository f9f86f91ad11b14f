#pragma once

#include <filesystem>
#include <vector>

#include "registry/credentials.h"

namespace ocisync {

// One place where credentials are looked for when the spec has no entry.
struct DefaultFile {
  std::filesystem::path path;
  // Under a home directory that may not be ours: when it may not be read, it counts as missing.
  bool guessed = false;
};

// --registry-config, Helm's file, Docker's file, in that order. HOME may be unset.
std::vector<DefaultFile> default_files(const DefaultCredentialFiles& given,
                                       const Environment& environment);

}  // namespace ocisync
