#include "chart/branch.h"

#include "base/text.h"

namespace ocisync {

const Directory& Branch::reach(std::string_view path) {
  const auto parts = path.empty() ? std::vector<std::string_view>{} : split(path, '/');
  std::size_t shared = 0;
  while (shared < levels_.size() && shared < parts.size() && levels_[shared].name == parts[shared])
    ++shared;
  while (levels_.size() > shared)
    levels_.pop_back();
  for (const std::string_view part : std::span(parts).subspan(shared)) {
    const Directory& parent = levels_.empty() ? root_ : levels_.back().directory;
    levels_.push_back({std::string(part), parent.ensure(part, mode_)});
  }
  return levels_.empty() ? root_ : levels_.back().directory;
}

std::string_view parent_of(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string_view::npos ? std::string_view{} : path.substr(0, slash);
}

std::string_view last_of(std::string_view path) { return path.substr(path.rfind('/') + 1); }

}  // namespace ocisync
