#include "export/site.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/text.h"

namespace ocisync {
namespace {

std::string kind_name(mode_t mode) {
  if (S_ISREG(mode))
    return "a regular file";
  if (S_ISDIR(mode))
    return "a directory";
  if (S_ISLNK(mode))
    return "a symbolic link";
  if (S_ISFIFO(mode))
    return "a FIFO";
  if (S_ISSOCK(mode))
    return "a socket";
  return "a device";
}

std::string joined(const std::string& parent, std::string_view name) {
  return parent.empty() ? std::string(name) : parent + "/" + std::string(name);
}

std::string parent_path_of(const std::string& path) {
  const auto slash = path.rfind('/');
  return slash == std::string::npos ? "" : path.substr(0, slash);
}

}  // namespace

Site::Site(const std::string& path)
    : path_(path), parent_path_(parent_path_of(path)), name_(path.substr(path.rfind('/') + 1)) {
  if (split(path, '/').front() == kControlName)
    throw Error(Reason::internal, "an export path leads into " + std::string(kControlName));
}

Site Site::at(const Directory& root, const std::string& path) {
  Site site(path);
  Directory parent = root.duplicate();
  std::string way;
  if (!site.parent_path_.empty())
    for (const std::string_view part : split(site.parent_path_, '/')) {
      way = joined(way, part);
      auto next = site.step(parent, part, way);
      if (!next)
        return site;
      parent = std::move(*next);
    }
  site.look(parent);
  if (site.kind_ != Kind::nothing)
    site.parent_ = std::move(parent);
  return site;
}

std::optional<Directory> Site::step(const Directory& parent, std::string_view name,
                                    const std::string& way) {
  const auto status = parent.status(name);
  if (!status)
    return std::nullopt;
  if (S_ISDIR(status->st_mode))
    return parent.find(name);
  if (way == kCurrentName)
    if (const auto target = parent.read_link(name))
      if ((generation_ = parse_generation_link(*target)))
        return parent.find(*target);
  kind_ = Kind::foreign;
  blocker_ = way;
  what_ = kind_name(status->st_mode);
  return std::nullopt;
}

void Site::look(const Directory& parent) {
  const auto status = parent.status(name_);
  if (!status)
    return;
  blocker_ = path_;
  what_ = kind_name(status->st_mode);
  kind_ = S_ISDIR(status->st_mode) ? Kind::directory : Kind::foreign;
  if (!S_ISLNK(status->st_mode))
    return;
  const std::string target = parent.read_link(name_).value_or("");
  what_ += " to " + printable(target);
  tree_ = generation_ ? parse_generation_entry(path_, target) : parse_link_target(path_, target);
  if (tree_)
    kind_ = Kind::link;
}

std::string Site::description() const { return printable(blocker_, 4096) + " is " + what_; }

Directory Site::make_parent(const Directory& root, mode_t mode) const {
  if (parent_)
    return parent_->duplicate();
  return parent_path_.empty() ? root.duplicate() : root.ensure(parent_path_, mode);
}

Directory Site::open() const {
  auto directory = parent_ ? parent_->find(name_) : std::nullopt;
  if (!directory)
    throw Error(Reason::storage_failed, "removed while in use: " + printable(path_, 4096));
  return std::move(*directory);
}

void remove_empty_parents(const Directory& root, const std::string& path) {
  for (std::string above = parent_path_of(path); !above.empty(); above = parent_path_of(above)) {
    const std::string outer = parent_path_of(above);
    const auto holder = outer.empty() ? std::optional(root.duplicate()) : root.find(outer);
    const std::string name = above.substr(above.rfind('/') + 1);
    if (!holder || ::unlinkat(holder->fd(), name.c_str(), AT_REMOVEDIR) != 0)
      return;
  }
}

}  // namespace ocisync
