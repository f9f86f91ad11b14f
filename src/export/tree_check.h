#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "base/files.h"
#include "export/tree_record.h"

namespace ocisync {

// How closely a tree is compared with its record.
enum class Scrutiny {
  exact,    // any difference that lstat shows counts; nothing is read
  changed,  // contents are hashed where lstat differs, and decide
  all,      // every file is hashed, every directory listed
};

// What lstat says of every entry of a tree, folded into one number: inodes, sizes, modes, mtimes
// and ctimes. Writing to a file, replacing it or setting its times back changes it, since ctime
// cannot be set.
using TreeStamp = std::uint64_t;

// Whether `tree` holds what `record` says and nothing else: kinds, names, sizes, contents, modes.
// One lstat an entry; an added name shows in its directory's mtime. Modes may have gained what
// Kubernetes adds when it hands a volume to a group (rw for the group, setgid on directories).
// Absent when it does not.
std::optional<TreeStamp> compare(const Directory& tree, const TreeRecord& record, Modes modes,
                                 Scrutiny scrutiny);

// Takes the entries of a tree just written, and gives each the mode of the policy. Digests that
// `known` has are taken from there, the rest are hashed. Anything but files and directories throws
// internal.
std::vector<TreeEntry> take_stock(const Directory& tree, std::vector<TreeEntry> known, Modes modes);

}  // namespace ocisync
