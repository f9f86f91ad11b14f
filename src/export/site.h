#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/files.h"
#include "export/tree_name.h"

namespace ocisync {

// One export path and what stands there now. Looking follows no link, not even in the directories
// above the path, but for "current" when that leads to a generation.
class Site {
 public:
  enum class Kind {
    nothing,
    link,       // into our own trees, whether the tree is there or not
    directory,  // somebody's: only the ledger knows whose
    foreign,    // anything else, or something else in the way of a directory above
  };

  static Site at(const Directory& root, const std::string& path);

  Kind kind() const noexcept { return kind_; }

  // Of a link: the tree it shows.
  const std::optional<TreeName>& tree() const noexcept { return tree_; }

  // Of a path below "current": where that leads; absent when it is not there, or leads elsewhere.
  const std::optional<GenerationName>& generation() const noexcept { return generation_; }

  // "web is a symbolic link to /etc", for a conflict.
  std::string description() const;

  const std::string& name() const noexcept { return name_; }

  // The directory that holds the name; made when missing.
  Directory make_parent(const Directory& root, mode_t mode) const;

  // Absent unless something stands there.
  const std::optional<Directory>& parent() const noexcept { return parent_; }

  Directory open() const;  // of a directory

 private:
  explicit Site(const std::string& path);

  // The directory of that name in `parent`; absent when nothing or something else is there.
  std::optional<Directory> step(const Directory& parent, std::string_view name,
                                const std::string& way);
  void look(const Directory& parent);

  std::string path_, parent_path_, name_;
  std::optional<Directory> parent_;
  Kind kind_ = Kind::nothing;
  std::optional<TreeName> tree_;
  std::optional<GenerationName> generation_;
  std::string blocker_;  // the path that `what_` is said of
  std::string what_;
};

// Removes the directories above `path`, innermost first, as long as they are empty.
void remove_empty_parents(const Directory& root, const std::string& path);

}  // namespace ocisync
