#pragma once

#include <optional>
#include <string>
#include <string_view>

#include <sys/stat.h>

#include "oci/digest.h"
#include "store/volume.h"

namespace ocisync {

std::string blob_folder(const Digest& digest);  // blobs/sha256
std::string blob_path(const Digest& digest);    // blobs/sha256/9f86…

// The blob that a link names by the tail of its target, …/blobs/<algorithm>/<hex>, whatever is in
// front: a cache may have moved since an absolute link was written.
std::optional<Digest> blob_of_target(std::string_view target);

// The last `count` components of a path joined by "/", or nothing if it has fewer.
std::optional<std::string_view> path_tail(std::string_view path, int count);

// lstat of something below the volume's root, in one call: most questions to a cache are just this.
// Absent also when something on the way is no directory.
std::optional<struct stat> status_at(const Volume& volume, const std::string& relative);

bool is_file_at(const Volume& volume, const std::string& relative);

// Whether a blob of that name is there. Says nothing about its bytes.
inline bool blob_present(const Volume& volume, const Digest& digest) {
  return is_file_at(volume, blob_path(digest));
}

}  // namespace ocisync
