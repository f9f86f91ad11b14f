#include "export/seal.h"

#include <array>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include "base/error.h"
#include "base/text.h"
#include "export/escape.h"

namespace ocisync {
namespace {

constexpr std::string_view kHome = "seals";
constexpr std::uint64_t kLimit = 1024;

// FNV-1a over whole words: nobody gains by a collision that he cannot have without setting ctime.
std::uint64_t fold(std::uint64_t sum, std::uint64_t word) {
  return (sum ^ word) * 0x100000001b3ULL;
}

std::uint64_t nanoseconds(const timespec& time) {
  return static_cast<std::uint64_t>(time.tv_sec) * 1'000'000'000 +
         static_cast<std::uint64_t>(time.tv_nsec);
}

std::string boot_id() {
  try {
    const auto text = read_user_file("/proc/sys/kernel/random/boot_id", kLimit);
    return text ? std::string(trim(*text)) : std::string();
  } catch (const Error&) {
    return {};
  }
}

}  // namespace

std::optional<std::uint64_t> stamp_of(const Directory& tree, const TreeRecord& record) {
  std::uint64_t sum = 0xcbf29ce484222325ULL;
  for (const TreeEntry& entry : record.entries) {
    struct stat status {};

    if (::fstatat(tree.fd(), entry.path.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0)
      return std::nullopt;
    const std::array words = {static_cast<std::uint64_t>(status.st_ino),
                              static_cast<std::uint64_t>(status.st_size),
                              static_cast<std::uint64_t>(status.st_mode),
                              nanoseconds(status.st_mtim), nanoseconds(status.st_ctim)};
    for (const std::uint64_t word : words)
      sum = fold(sum, word);
  }
  return sum;
}

Seals::Seals(const ExportVolume& volume) : volume_(volume), boot_(boot_id()) {}

std::string Seals::text(const TreeName& tree, std::uint64_t stamp) const {
  return fmt::format("{} {} {:016x}\n", boot_, relative_path(tree), stamp);
}

bool Seals::holds(const std::string& path, const TreeName& tree, std::uint64_t stamp) const {
  if (boot_.empty())
    return false;
  try {
    const auto home = volume_.find(kHome);
    return home && home->read(escape(path, "/"), kLimit) == text(tree, stamp);
  } catch (const Error&) {
    return false;
  }
}

void Seals::set(const std::string& path, const TreeName& tree, std::uint64_t stamp) const {
  if (boot_.empty())
    return;
  volume_.ensure(kHome).write_atomic(escape(path, "/"), text(tree, stamp), volume_.modes().file);
}

void Seals::remove(const std::string& path) const {
  if (const auto home = volume_.find(kHome))
    home->remove_file(escape(path, "/"));
}

}  // namespace ocisync
