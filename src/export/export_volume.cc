#include "export/export_volume.h"

#include <cerrno>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"
#include "export/staged.h"

namespace ocisync {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kFormat = "1\n";

// Who we are and whose the volume is: what somebody needs to put a permission right.
std::string permissions(fs::path path) {
  struct stat status {};

  while (::stat(path.c_str(), &status) != 0 && path.has_relative_path())
    path = path.parent_path();
  return fmt::format("running as uid {}, gid {}; {} is owned by {}:{} with mode {:04o}",
                     ::geteuid(), ::getegid(), printable(path.string(), 4096), status.st_uid,
                     status.st_gid, status.st_mode & 07777);
}

// True when the format file is there and ours. A lost or empty one is absence: contents of the
// control directory are checked wherever they are read.
bool known_format(const Directory& control) {
  const auto format = control.read("format", 64);
  if (!format || trim(*format).empty())
    return false;
  if (*format != kFormat)
    throw Error(Reason::format_unknown,
                fmt::format("{} has format {}, this version knows {}", control.path().string(),
                            printable(trim(*format)), trim(kFormat)))
        .hint("run the version of ocisync that wrote it, or a newer one");
  return true;
}

void require_writable(const Directory& root, const Directory& staging) {
  if (::faccessat(root.fd(), ".", W_OK | X_OK, AT_EACCESS) != 0)
    throw system_error(errno, "writing to " + root.path().string());
  const std::string probe = private_name("probe-");
  staging.create_file(probe, 0600);
  staging.remove_file(probe);
}

bool can_exchange(const Directory& staging) {
  const Staged one = Staged::directory(staging), other = Staged::directory(staging);
  return staging.exchange(one.name(), staging, other.name());
}

// A full volume is not unsuitable: what is shown there stays, and a sweep may make room. Whatever
// its probes could not tell is told by what is published later.
void require_suitable(const Directory& root, const Directory& staging, const ExportSpec& spec) {
  try {
    require_writable(root, staging);
    if (spec.layout == Layout::directory && !can_exchange(staging))
      throw exchange_unsupported(root.path());
  } catch (const Error& error) {
    if (error.reason() != Reason::disk_full)
      throw;
  }
}

}  // namespace

Modes modes_of(const ExportSpec& spec) { return spec.group_write ? kGroupModes : kDefaultModes; }

std::optional<Directory> find_directory(const Directory& home, std::string_view name) {
  const auto status = home.status(name);
  return status && S_ISDIR(status->st_mode) ? home.find(name) : std::nullopt;
}

Error exchange_unsupported(const fs::path& path) {
  return Error(Reason::volume_unsuitable,
               printable(path.string(), 4096) +
                   " is on a file system that cannot exchange two directories in one step")
      .hint(
          "use layout symlink, or a volume whose file system can: ext4, xfs, btrfs or tmpfs, not "
          "NFS, overlay or most FUSE");
}

ExportVolume::ExportVolume(fs::path path, Modes modes, Access access)
    : path_(std::move(path)),
      modes_(modes),
      access_(access),
      handles_(std::make_unique<Guarded<std::shared_ptr<const Handles>>>()) {}

ExportVolume ExportVolume::open(const fs::path& path, const ExportSpec& spec) {
  try {
    ExportVolume volume(fs::absolute(path), modes_of(spec), Access::write);
    const Directory staging = volume.ensure("staging");
    require_suitable(*volume.root(), staging, spec);
    return volume;
  } catch (const Error& error) {
    if (error.reason() != Reason::storage_failed)
      throw;
    throw Error(Reason::volume_unsuitable,
                fmt::format("{} cannot hold exports: {} ({})", printable(path.string(), 4096),
                            error.message(), permissions(path)))
        .hint("make it writable for this user, for instance with the pod's fsGroup");
  }
}

std::optional<ExportVolume> ExportVolume::open_read_only(const fs::path& path,
                                                         const ExportSpec& spec) {
  ExportVolume volume(fs::absolute(path), modes_of(spec), Access::read);
  auto handles = volume.find_handles();
  if (!handles)
    return std::nullopt;
  volume.handles_->with([&](auto& held) { held = std::move(handles); });
  return volume;
}

std::shared_ptr<const ExportVolume::Handles> ExportVolume::opened(Directory root,
                                                                  Directory control) {
  struct stat status {};

  if (::fstat(control.fd(), &status) != 0)
    throw system_error(errno, "examining " + control.path().string());
  return std::make_shared<const Handles>(
      Handles{std::move(root), std::move(control), status.st_dev, status.st_ino});
}

std::shared_ptr<const ExportVolume::Handles> ExportVolume::create() const {
  Directory root = Directory::create(path_, modes_.directory);
  Directory control = root.ensure(kControlName, modes_.directory);
  if (!known_format(control))
    control.write_atomic("format", kFormat, modes_.file);
  return opened(std::move(root), std::move(control));
}

std::shared_ptr<const ExportVolume::Handles> ExportVolume::find_handles() const {
  auto root = Directory::open_if_exists(path_);
  auto control = root ? root->find(kControlName) : std::nullopt;
  if (!control)
    return nullptr;
  known_format(*control);
  return opened(std::move(*root), std::move(*control));
}

bool ExportVolume::current(const Handles& handles) const {
  struct stat status {};

  return ::lstat((path_ / kControlName).c_str(), &status) == 0 && status.st_dev == handles.device &&
         status.st_ino == handles.inode;
}

std::shared_ptr<const ExportVolume::Handles> ExportVolume::handles() const {
  // Looked at outside the lock: every lane comes by here several times a chart.
  auto known = handles_->with([](const auto& held) { return held; });
  if (known && current(*known))
    return known;
  return handles_->with([this](std::shared_ptr<const Handles>& held) {
    if (held && current(*held))
      return held;
    if (access_ == Access::write)
      held = create();
    else if (auto found = find_handles())
      held = std::move(found);
    return held;
  });
}

std::shared_ptr<const Directory> ExportVolume::root() const {
  const auto held = handles();
  return {held, &held->root};
}

std::shared_ptr<const Directory> ExportVolume::control() const {
  const auto held = handles();
  return {held, &held->control};
}

Directory ExportVolume::ensure(std::string_view relative) const {
  return control()->ensure(relative, modes_.directory);
}

std::optional<Directory> ExportVolume::find(std::string_view relative) const {
  return control()->find(relative);
}

}  // namespace ocisync
