#include "store/reference_tree.h"

#include <fcntl.h>
#include <unistd.h>

namespace ocisync {
namespace {

// A repository's 255 bytes hold at most 128 components; whatever goes deeper is none of ours.
constexpr int kMaxFolderDepth = 140;

class Walk {
 public:
  Walk(const std::function<void(const ReferencePlace&)>& visit,
       const std::function<void(const Error&)>& unreadable)
      : visit_(visit), unreadable_(unreadable) {}

  void enter(const Directory& folder, const std::string& path, int depth) const {
    for_each_directory(folder, [&](const std::string& name, const struct stat&) {
      const auto child = folder.find(name);
      if (!child)
        return;  // removed since it was listed
      const std::string child_path = path.empty() ? name : path + "/" + name;
      if (name == "tags" || name == "digests")
        visit_places(*child, child_path);
      else if (depth < kMaxFolderDepth)
        enter(*child, child_path, depth + 1);
    });
  }

 private:
  void visit_places(const Directory& kind, const std::string& path) const {
    for_each_directory(kind, [&](const std::string& name, const struct stat& status) {
      const auto links = read_links(kind, name);
      if (!links)
        return;
      std::string own_path = path + "/" + name;
      auto reference = reference_at(own_path);
      visit_({std::move(own_path), std::move(reference), *links, status});
    });
  }

  template <typename Act>
  void for_each_directory(const Directory& folder, Act act) const {
    for (const std::string& name : folder.names()) {
      try {
        const auto status = folder.status(name);
        if (status && S_ISDIR(status->st_mode))
          act(name, *status);
      } catch (const Error& error) {
        if (!unreadable_)
          throw;
        unreadable_(error);
      }
    }
  }

  const std::function<void(const ReferencePlace&)>& visit_;
  const std::function<void(const Error&)>& unreadable_;
};

}  // namespace

void walk_references(const Volume& volume, const std::function<void(const ReferencePlace&)>& visit,
                     const std::function<void(const Error&)>& unreadable) {
  if (const auto refs = volume.root().find("refs"))
    Walk(visit, unreadable).enter(*refs, "", 0);
}

bool remove_reference(const Volume& volume, const std::string& path) {
  const auto refs = volume.root().find("refs");
  const auto place = refs ? refs->find(path) : std::nullopt;
  if (!place)
    return false;
  const auto links = read_links(*refs, path);
  const bool was_there = links && !links->empty();
  remove_links(*place);
  // rmdir refuses what is not empty, so another's reference cannot go with ours.
  for (std::string folder = path;; folder.resize(folder.rfind('/'))) {
    if (::unlinkat(refs->fd(), folder.c_str(), AT_REMOVEDIR) != 0 ||
        folder.find('/') == std::string::npos)
      return was_there;
  }
}

}  // namespace ocisync
