#include "export/set_aside.h"

#include <algorithm>
#include <charconv>

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include "base/escape.h"
#include "export/tree_name.h"

namespace ocisync {
namespace {

constexpr std::string_view kRetired = "retired";

// Absent: not a name of ours.
std::optional<WallTime> time_of(std::string_view name) {
  const auto at = name.rfind('@'), dash = name.rfind('-');
  if (at == std::string_view::npos || dash == std::string_view::npos || dash < at)
    return std::nullopt;
  std::int64_t seconds = 0;
  const char* const end = name.data() + dash;
  const auto [stop, error] = std::from_chars(name.data() + at + 1, end, seconds);
  if (error != std::errc{} || stop != end)
    return std::nullopt;
  return std::chrono::system_clock::from_time_t(seconds);
}

}  // namespace

Directory SetAside::home(const std::string& path) const {
  return volume_.ensure(kRetired).ensure(escape(path, "/"), volume_.modes().directory);
}

std::string SetAside::name(const Digest& manifest, WallTime at) {
  return private_name(
      fmt::format("{}@{}-", file_name(manifest), std::chrono::system_clock::to_time_t(at)));
}

std::optional<Directory> SetAside::find(const std::string& path) const {
  const auto home = volume_.find(kRetired);
  return home ? find_directory(*home, escape(path, "/")) : std::nullopt;
}

std::vector<std::string> SetAside::paths() const {
  std::vector<std::string> result;
  if (const auto home = volume_.find(kRetired))
    for (const std::string& name : home->names())
      if (auto path = unescape(name); path && escape(*path, "/") == name)
        result.push_back(std::move(*path));
  return result;
}

std::vector<SetAside::Item> SetAside::items(const std::string& path) const {
  std::vector<Item> result;
  if (const auto home = find(path))
    for (std::string& name : home->names())
      if (const auto at = time_of(name))
        result.push_back({std::move(name), *at});
  std::sort(result.begin(), result.end(), [](const Item& a, const Item& b) {
    return a.at != b.at ? a.at > b.at : a.name < b.name;
  });
  return result;
}

void SetAside::remove(const std::string& path, const Item& item) const {
  if (const auto home = find(path))
    home->remove_tree(item.name);
}

void SetAside::forget(const std::string& path) const {
  if (const auto home = volume_.find(kRetired))
    ::unlinkat(home->fd(), escape(path, "/").c_str(), AT_REMOVEDIR);
}

}  // namespace ocisync
