#include "export/staged.h"

#include <cerrno>
#include <utility>

#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "export/export_volume.h"

namespace ocisync {

Staged Staged::directory(const Directory& staging) {
  std::string name = private_name("tree-");
  staging.make_directory(name, 0700);
  Staged staged(staging, std::move(name));
  staged.locked_ = staged.open();
  ::flock(staged.locked_->fd(), LOCK_EX | LOCK_NB);  // where there are no locks, sweeps go by age
  return staged;
}

Staged Staged::link(const Directory& staging, std::string_view target) {
  std::string name = private_name("link-");
  if (::symlinkat(std::string(target).c_str(), staging.fd(), name.c_str()) != 0)
    throw system_error(errno, "making a symbolic link in " + staging.path().string());
  return {staging, std::move(name)};
}

Staged::Staged(Staged&& other) noexcept
    : home_(std::exchange(other.home_, nullptr)),
      name_(std::move(other.name_)),
      locked_(std::move(other.locked_)) {}

Staged::~Staged() {
  if (!home_)
    return;
  try {
    home_->remove_tree(name_);
  } catch (const Error&) {
    // Nobody sees it there; retention tries again in an hour.
  }
}

Directory Staged::open() const {
  if (auto directory = home_->find(name_))
    return std::move(*directory);
  throw Error(Reason::storage_failed, "removed while in use: " + home_->path_of(name_));
}

bool is_being_made(const Directory& staging, std::string_view name) {
  const auto directory = find_directory(staging, name);
  return directory && ::flock(directory->fd(), LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;
}

void Staged::open_up(mode_t mode) const {
  const auto status = home_->status(name_);
  const mode_t kept = status ? status->st_mode & S_ISGID : 0;  // inherited: keeps the group
  if (::fchmodat(home_->fd(), name_.c_str(), mode | kept, 0) != 0)
    throw system_error(errno, "setting the mode of " + home_->path_of(name_));
}

}  // namespace ocisync
