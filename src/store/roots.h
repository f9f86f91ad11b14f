#pragma once

#include <chrono>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "oci/digest.h"
#include "oci/reference.h"
#include "store/volume.h"

namespace ocisync {

// What keeps cache content alive: roots/<owner>.json, rewritten by each pass of a spec, and
// pins/<sha256 of the reference>, one file for each reference that a chart verb saved or pulled.
struct Roots {
  std::set<Digest> blobs;            // of published, kept or locked revisions, with all that a
                                     // manifest among them leads to
  std::set<std::string> references;  // canonical text
};

inline constexpr auto kRootsExpiry =
    std::chrono::hours(24 * 7);  // not renewed for so long: ignored

// An owner's name is any text; bytes that a file name should not have are written %XX.
std::string roots_file_name(std::string_view owner);
void write_roots(const Volume& volume, std::string_view owner, const Roots& roots, WallTime now);
// What was written last; absent: nothing that we understand.
std::optional<Roots> find_roots(const Volume& volume, std::string_view owner);
// Removes roots that lapsed, unless they were renewed since somebody found them so.
void drop_roots(const Volume& volume, std::string_view owner, WallTime now);
void pin(const Volume& volume, const Reference& reference);
bool unpin(const Volume& volume, const Reference& reference);  // false: was not pinned

// Everything that is named on this volume, by anyone.
struct NamedContent {
  Roots roots;                          // of all owners together
  std::set<std::string> pins;           // file names: a pin counts whatever its content
  std::vector<std::string> expired;     // owners whose roots lapsed
  std::vector<std::string> unreadable;  // owners whose roots say nothing we understand

  bool names(const Reference& reference) const;
};

// Creates nothing: absent folders name nothing.
NamedContent read_named_content(const Volume& volume, WallTime now);

// Where pins/ is missing, pins every reference that is there (see Volume::open).
void restore_pins(const Volume& volume);

}  // namespace ocisync
