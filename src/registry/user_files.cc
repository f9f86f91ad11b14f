#include "registry/user_files.h"

#include <cerrno>

#include <sys/stat.h>

#include "base/error.h"
#include "base/files.h"
#include "base/text.h"

namespace ocisync {
namespace {

UserFiles::Content read_now(const std::filesystem::path& path, std::uint64_t limit) {
  try {
    auto text = read_user_file(path, limit);
    return text ? std::make_shared<const std::string>(*std::move(text)) : nullptr;
  } catch (const Error& error) {
    throw Error(Reason::credentials_invalid, error.message());
  }
}

long long nanoseconds(const timespec& time) { return time.tv_sec * 1'000'000'000LL + time.tv_nsec; }

}  // namespace

std::optional<UserFiles::Status> UserFiles::status_of(const std::filesystem::path& path) {
  struct stat status {};

  if (::stat(path.c_str(), &status) != 0) {
    if (errno == ENOENT || errno == ENOTDIR)
      return std::nullopt;
    throw Error(Reason::credentials_invalid,
                system_error(errno, "opening " + printable(path.string(), 4096)).message());
  }
  return Status{status.st_dev, status.st_ino, status.st_size, nanoseconds(status.st_mtim),
                nanoseconds(status.st_ctim)};
}

// Two writes within one tick of the file system's clock look alike: what changed just now is not
// trusted to be unchanged.
bool UserFiles::settled(const Status& status) const {
  const auto now =
      std::chrono::duration_cast<std::chrono::nanoseconds>(clock_.wall().time_since_epoch());
  return now.count() - status.changed > 2'000'000'000LL;
}

UserFiles::Content UserFiles::read(const std::filesystem::path& path,
                                   CredentialStore::Freshness freshness, std::uint64_t limit) {
  const auto before = status_of(path);
  if (before && freshness == CredentialStore::Freshness::cached_is_fine && settled(*before)) {
    Content held = known_.with([&](const auto& known) {
      const auto found = known.find(path);
      return found != known.end() && found->second.status == *before ? found->second.content
                                                                     : nullptr;
    });
    if (held)
      return held;
  }
  Content content = before ? read_now(path, limit) : nullptr;
  return known_.with([&](auto& known) -> Content {
    if (!content) {
      known.erase(path);
      return nullptr;
    }
    Known& entry = known[path];
    entry.status = *before;
    if (!entry.content || *entry.content != *content)
      entry.content = content;
    return entry.content;
  });
}

}  // namespace ocisync
