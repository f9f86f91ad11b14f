#include "store/reference_tree.h"

#include <fcntl.h>
#include <unistd.h>

namespace ocisync {
namespace {

// A repository's 255 bytes hold at most 128 components; whatever goes deeper is none of ours.
constexpr int kMaxDepth = 140;

using Visit = std::function<void(const ReferencePlace&)>;

void visit_places(const Directory& kind, const std::string& path, const Visit& visit) {
  for (const std::string& name : kind.names()) {
    const auto status = kind.status(name);
    if (!status || !S_ISDIR(status->st_mode))
      continue;
    const auto place = kind.find(name);
    const auto links = place ? read_settled_links(*place) : std::nullopt;
    if (!links)
      continue;
    std::string own_path = path + "/" + name;
    auto reference = reference_at(own_path);
    visit({std::move(own_path), std::move(reference), *links, *status});
  }
}

void walk(const Directory& folder, const std::string& path, int depth, const Visit& visit) {
  for (const std::string& name : folder.names()) {
    const auto status = folder.status(name);
    if (!status || !S_ISDIR(status->st_mode))
      continue;
    const auto child = folder.find(name);
    if (!child)
      continue;  // removed since it was listed
    const std::string child_path = path.empty() ? name : path + "/" + name;
    if (name == "tags" || name == "digests")
      visit_places(*child, child_path, visit);
    else if (depth < kMaxDepth)
      walk(*child, child_path, depth + 1, visit);
  }
}

}  // namespace

void walk_references(const Volume& volume, const Visit& visit) {
  if (const auto refs = volume.root().find("refs"))
    walk(*refs, "", 0, visit);
}

bool remove_reference(const Volume& volume, const std::string& path) {
  const auto refs = volume.root().find("refs");
  const auto place = refs ? refs->find(path) : std::nullopt;
  if (!place)
    return false;
  const bool was_there = !read_links(*place).empty();
  remove_links(*place);
  // rmdir refuses what is not empty, so another's reference cannot go with ours.
  for (std::string folder = path;; folder.resize(folder.rfind('/'))) {
    if (::unlinkat(refs->fd(), folder.c_str(), AT_REMOVEDIR) != 0 ||
        folder.find('/') == std::string::npos)
      return was_there;
  }
}

}  // namespace ocisync
