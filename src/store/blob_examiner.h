#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <unordered_map>

#include <sys/stat.h>

#include "base/file_stamp.h"
#include "base/guarded.h"
#include "oci/digest.h"
#include "store/volume.h"

namespace ocisync {

// Knows which blobs hash to their names: hashes each once, and again when lstat says that the file
// is another or was written to. About a hundred bytes a blob. Safe from any thread.
class BlobExaminer {
 public:
  explicit BlobExaminer(const Volume& volume) : volume_(volume) {}

  // The size of an intact blob. Absent: missing or damaged.
  std::optional<std::uint64_t> examine(const Digest& digest);
  // Whether an open file is the one that was found intact.
  bool knows(const Digest& digest, int fd) const;
  // Takes note of a blob this process has just written and checked.
  void trust(const Digest& digest, const struct stat& status);

  std::uint64_t damaged() const noexcept { return damaged_; }

 private:
  struct Finding {
    FileStamp stamp;
    bool intact;
  };

  bool judge(const Digest& digest, const struct stat& status);
  std::optional<Finding> finding(const Digest& digest) const;

  const Volume& volume_;
  Guarded<std::unordered_map<Digest, Finding, Digest::Hash>> findings_;
  std::atomic<std::uint64_t> damaged_ = 0;
};

}  // namespace ocisync
