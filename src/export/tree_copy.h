#pragma once

#include "base/files.h"
#include "export/tree_record.h"

namespace ocisync {

// Copies the entries of `record` from `from` into the empty directory `into`, sharing blocks where
// the file system can. Modification times are kept to the nanosecond, so that a copy can be told
// from a directory of somebody else's that holds the same.
void copy_tree(const Directory& from, const TreeRecord& record, const Directory& into, Modes modes);

}  // namespace ocisync
