#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <string>

#include "base/clock.h"
#include "base/guarded.h"
#include "registry/credentials.h"

namespace ocisync {

// Small files of the user's (config files, CA bundles, keys) that may be swapped while we run. A
// file is read again when its status changed, or when asked to look; as long as its content stays
// the same, so does the object handed out: callers compare pointers to learn whether anything
// changed. Safe from any thread.
class UserFiles {
 public:
  using Content = std::shared_ptr<const std::string>;

  explicit UserFiles(const Clock& clock) : clock_(clock) {}

  // Null when the file does not exist. Throws Error(credentials_invalid) naming the path when it
  // cannot be read, is not a regular file or is larger than `limit`.
  Content read(const std::filesystem::path& path, CredentialStore::Freshness freshness,
               std::uint64_t limit = 1 << 20);

 private:
  struct Status {
    unsigned long device = 0, inode = 0;
    long size = 0;
    long long modified = 0, changed = 0;  // nanoseconds since the epoch
    bool operator==(const Status&) const = default;
  };

  struct Known {
    Status status;
    Content content;
  };

  static std::optional<Status> status_of(const std::filesystem::path& path);
  bool settled(const Status& status) const;

  const Clock& clock_;
  Guarded<std::map<std::filesystem::path, Known>> known_;
};

}  // namespace ocisync
