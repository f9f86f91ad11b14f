#include "export/seal.h"

#include <fmt/format.h>

#include "base/error.h"
#include "base/escape.h"
#include "base/text.h"

namespace ocisync {
namespace {

constexpr std::string_view kSeals = "seals";
constexpr std::uint64_t kLimit = 1024;

std::string boot_id() {
  try {
    const auto text = read_user_file("/proc/sys/kernel/random/boot_id", kLimit);
    return text ? std::string(trim(*text)) : std::string();
  } catch (const Error&) {
    return {};
  }
}

}  // namespace

Seals::Seals(const ExportVolume& volume) : volume_(volume), boot_(boot_id()) {}

std::string Seals::text(const TreeName& tree, TreeStamp stamp) const {
  return fmt::format("{} {} {:016x}\n", boot_, relative_path(tree), stamp);
}

bool Seals::holds(const std::string& path, const TreeName& tree, TreeStamp stamp) const {
  if (boot_.empty())
    return false;
  try {
    const auto home = volume_.find(kSeals);
    return home && home->read(escape(path, "/"), kLimit) == text(tree, stamp);
  } catch (const Error&) {
    return false;
  }
}

void Seals::set(const std::string& path, const TreeName& tree, TreeStamp stamp) const {
  if (boot_.empty())
    return;
  try {
    volume_.ensure(kSeals).write_atomic(escape(path, "/"), text(tree, stamp), volume_.modes().file);
  } catch (const Error&) {
    // A full disk, for instance: what was hashed is right all the same.
  }
}

void Seals::remove(const std::string& path) const {
  try {
    if (const auto home = volume_.find(kSeals))
      home->remove_file(escape(path, "/"));
  } catch (const Error&) {
    // It goes on saying what was true: of that tree, by that stamp.
  }
}

}  // namespace ocisync
