#pragma once

#include <set>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "oci/digest.h"
#include "oci/reference.h"
#include "store/volume.h"

namespace ocisync {

// What keeps cache content alive: roots/<owner>.json, rewritten by each pass of a spec, and
// pins/<sha256 of the reference>, one file for each reference that a chart verb saved or pulled.
struct Roots {
  std::set<Digest> blobs;              // published, kept or locked revisions: all their blobs
  std::set<std::string> references;    // canonical text
};

inline constexpr auto kRootsExpiry = std::chrono::hours(24 * 7);  // not renewed for so long: ignored

void write_roots(const Volume& volume, std::string_view owner, const Roots& roots, WallTime now);
void pin(const Volume& volume, const Reference& reference);
bool unpin(const Volume& volume, const Reference& reference);

}  // namespace ocisync
