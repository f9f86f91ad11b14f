#pragma once

#include <cstdint>

#include <sys/stat.h>

namespace ocisync {

// What changes when the content of a file may have: it was written to, replaced, or had its times
// set back (ctime cannot be). Says nothing of bits that rot.
struct FileStamp {
  explicit FileStamp(const struct stat& status)
      : inode(status.st_ino),
        size(status.st_size),
        mtime_ns(nanoseconds(status.st_mtim)),
        ctime_ns(nanoseconds(status.st_ctim)) {}

  friend bool operator==(const FileStamp&, const FileStamp&) = default;

  std::uint64_t inode;
  std::int64_t size;
  std::int64_t mtime_ns;
  std::int64_t ctime_ns;

 private:
  static std::int64_t nanoseconds(const struct timespec& time) {
    return std::int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
  }
};

}  // namespace ocisync
