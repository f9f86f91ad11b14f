#include "store/blob_path.h"

#include <cerrno>

#include <fcntl.h>
#include <sys/stat.h>

#include "base/error.h"
#include "base/text.h"

namespace ocisync {

std::string blob_folder(const Digest& digest) {
  return "blobs/" + std::string(digest.algorithm_name());
}

std::string blob_path(const Digest& digest) { return blob_folder(digest) + "/" + digest.hex(); }

std::optional<std::string_view> path_tail(std::string_view path, int count) {
  std::size_t at = path.size();
  for (; count > 0; --count) {
    if (at == 0 || at == std::string_view::npos)
      return std::nullopt;
    at = path.rfind('/', at - 1);
  }
  return at == std::string_view::npos ? path : path.substr(at + 1);
}

std::optional<Digest> blob_of_target(std::string_view target) {
  const auto tail = path_tail(target, 3);
  if (!tail)
    return std::nullopt;
  const auto parts = split(*tail, '/');
  if (parts[0] != "blobs")
    return std::nullopt;
  return Digest::try_parse(std::string(parts[1]) + ":" + std::string(parts[2]));
}

std::optional<struct stat> status_at(const Volume& volume, const std::string& relative) {
  struct stat status = {};
  if (::fstatat(volume.root().fd(), relative.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0)
    return status;
  if (errno == ENOENT || errno == ENOTDIR)
    return std::nullopt;
  throw system_error(errno, "examining " + volume.root().path_of(relative));
}

bool is_file_at(const Volume& volume, const std::string& relative) {
  const auto status = status_at(volume, relative);
  return status && S_ISREG(status->st_mode);
}

}  // namespace ocisync
