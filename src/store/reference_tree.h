#pragma once

#include <functional>
#include <optional>
#include <string>

#include <sys/stat.h>

#include "base/error.h"
#include "store/reference_links.h"
#include "store/reference_path.h"
#include "store/volume.h"

namespace ocisync {

// One directory below refs/ that holds, or held, a reference's links.
struct ReferencePlace {
  std::string path;                          // below refs/
  std::optional<PlacedReference> reference;  // absent: a name that we would not have given
  ReferenceLinks links;
  struct stat status;  // of the directory
};

// Visits every place, in no order. What else is below refs/ is passed over. A folder that cannot be
// read ends the walk, for a sweep must not take what it holds for nothing, unless `unreadable` is
// given: then it is told.
void walk_references(const Volume& volume, const std::function<void(const ReferencePlace&)>& visit,
                     const std::function<void(const Error&)>& unreadable = nullptr);

// Takes the links away, then every directory above that is empty now. False: nothing was there.
bool remove_reference(const Volume& volume, const std::string& path);

}  // namespace ocisync
