#include "store/volume.h"

#include <algorithm>
#include <charconv>

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/text.h"
#include "store/roots.h"
#include "store/staging.h"

namespace ocisync {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kFormat = 1;
constexpr std::string_view kControl = ".ocisync";
constexpr auto kLockPatience = std::chrono::minutes(2);

// The format a cache was written with. Absent: none is noted, or nothing that we ever wrote.
std::optional<std::uint64_t> noted_format(const Directory& control) {
  std::string note;
  try {
    note = control.read("format", 64).value_or("");
  } catch (const Error&) {
    return std::nullopt;  // not a file, or not a note: as good as lost
  }
  const std::string_view digits = trim(note);
  if (digits.empty() ||
      !std::all_of(digits.begin(), digits.end(), [](char c) { return c >= '0' && c <= '9'; }))
    return std::nullopt;
  std::uint64_t version = 0;
  const auto result = std::from_chars(digits.data(), digits.data() + digits.size(), version);
  return result.ec == std::errc() ? version : ~std::uint64_t{0};
}

void refuse_newer(std::optional<std::uint64_t> format, const Directory& root) {
  if (format && *format > kFormat)
    throw Error(Reason::format_unknown,
                fmt::format("the cache {} has format {}, this version of ocisync knows {}",
                            printable(root.path().string()), *format, kFormat))
        .hint("use the newer ocisync that wrote it, or another cache directory");
}

bool is_directory(const std::optional<struct stat>& status) {
  return status && S_ISDIR(status->st_mode);
}

// What stands in the place of our own directory and is none is set aside, not followed or removed.
void clear_control_name(const Directory& root) {
  const auto status = root.status(kControl);
  if (status && !S_ISDIR(status->st_mode))
    root.rename(kControl, root, private_name(".ocisync-set-aside-"));
}

// access() says no on a read-only mount too; a real file shows what it cannot know (quotas,
// SELinux, a squashed root).
void require_writable(const Volume& volume) {
  const Directory& root = volume.root();
  for (const char* name : {".", "blobs/sha256", "charts", "refs"})
    if (::faccessat(root.fd(), name, W_OK | X_OK, AT_EACCESS) != 0)
      throw system_error(
          errno, "writing to " +
                     (name == std::string_view(".") ? root.path() : root.path() / name).string());
  const Directory staging = volume.staging();
  const std::string probe = private_name("probe-");
  try {
    staging.create_file(probe, 0600);
  } catch (const Error& error) {
    if (error.reason() != Reason::disk_full)  // full is not unsuitable: a sweep may make room
      throw;
  }
  staging.remove_file(probe);
}

std::string owner_and_mode(fs::path path) {
  struct stat status = {};
  while (::stat(path.c_str(), &status) != 0) {
    if (!path.has_relative_path())
      return {};
    path = path.parent_path();
  }
  return fmt::format("; {} belongs to uid {} gid {} and has mode {:04o}", printable(path.string()),
                     status.st_uid, status.st_gid, status.st_mode & 07777U);
}

Error unsuitable(const fs::path& path, const Error& cause) {
  Error error(Reason::volume_unsuitable,
              fmt::format("the cache {} cannot be used: {} (this process has uid {} gid {}{})",
                          printable(path.string()), cause.what(), ::geteuid(), ::getegid(),
                          owner_and_mode(fs::absolute(path))));
  error.hint("the cache must be a directory that this user may write to (in Kubernetes: fsGroup)");
  return error;
}

}  // namespace

Volume Volume::open(const fs::path& path, Modes modes) {
  try {
    Volume volume(Directory::create(path, modes.directory), modes, false);
    volume.lay_out();
    require_writable(volume);
    sweep_staging(volume.staging(), std::chrono::system_clock::now());
    return volume;
  } catch (const Error& error) {
    if (error.reason() == Reason::storage_failed)
      throw unsuitable(path, error);
    throw;
  }
}

std::optional<Volume> Volume::open_read_only(const fs::path& path) {
  auto root = Directory::open_if_exists(path);
  if (!root)
    return std::nullopt;
  if (is_directory(root->status(kControl)))
    if (const auto control = root->find(kControl))
      refuse_newer(noted_format(*control), *root);
  return Volume(std::move(*root), kDefaultModes, true);
}

void Volume::lay_out() const {
  clear_control_name(root_);
  const Directory control = root_.ensure(kControl, modes_.directory);
  const auto format = noted_format(control);
  refuse_newer(format, root_);
  for (const std::string_view name : {"blobs/sha256", "charts", "refs"})
    root_.ensure(name, modes_.directory);
  if (!root_.status("oci-layout"))
    root_.write_new("oci-layout", kOciLayout, modes_.file);
  for (const std::string_view name : {"staging", "locks", "roots"})
    control.ensure(name, modes_.directory);
  restore_pins(*this);
  if (format != kFormat) {
    control.remove_tree("format");
    control.write_atomic("format", fmt::format("{}\n", kFormat), modes_.file);
  }
}

Directory Volume::staging() const { return root_.ensure(".ocisync/staging", modes_.directory); }

Directory Volume::locks() const { return root_.ensure(".ocisync/locks", modes_.directory); }

Directory Volume::roots() const { return root_.ensure(".ocisync/roots", modes_.directory); }

Directory Volume::pins() const { return root_.ensure(".ocisync/pins", modes_.directory); }

bool is_leftover(std::string_view name) {
  constexpr std::string_view kPrefix = ".tmp-";
  return name.starts_with(kPrefix) && name.size() == kPrefix.size() + 16 &&
         name.find_first_not_of("0123456789abcdef", kPrefix.size()) == std::string_view::npos;
}

std::optional<FileLock> Volume::lock(std::string_view name,
                                     const std::function<bool()>& give_up) const {
  try {
    const auto start = std::chrono::steady_clock::now();
    return FileLock::acquire(locks(), name, [&] {
      return give_up() || std::chrono::steady_clock::now() - start > kLockPatience;
    });
  } catch (const Error&) {
    return std::nullopt;  // a full disk, a lock file of another user
  }
}

}  // namespace ocisync
