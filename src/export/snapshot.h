#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/file_stamp.h"
#include "base/guarded.h"
#include "export/export_volume.h"
#include "export/publication.h"

namespace ocisync {

// All charts of one owner at one moment. Never changed once it is made.
struct Generation {
  std::uint64_t number = 0;
  WallTime made;
  std::vector<Publication> charts;  // sorted by path

  const Publication* find(std::string_view path) const;  // null: it does not hold the path
  // Whether it shows these and nothing else; `publications` are sorted by path.
  bool holds(const std::vector<Publication>& publications) const;
};

// A generation that readers shall see although there are newer revisions.
struct Pin {
  std::uint64_t generation = 0;
  std::string spec_hash;  // of the spec that it counts for
  WallTime since;
};

// Layout snapshot on the volume: what `<export>/current` leads to.
//
//   generations/<owner>/<number>/<chart path>   a relative link to a tree
//   generations/<owner>/<number>.json           what it holds; written before the directory appears
//   generations/<owner>/pinned                  see Pin
//
// Any thread; calls that change something want the publishers' lock.
class Snapshot {
 public:
  Snapshot(const ExportVolume& volume, std::string owner)
      : volume_(volume), owner_(std::move(owner)) {}

  // Throws path_conflict when `current` is another owner's, or anything that is not ours.
  void require_ours() const;

  // The generation that `current` leads to; null when that is none of ours, or its record is lost.
  std::shared_ptr<const Generation> shown() const;
  // Whether readers would find under a generation's name exactly what its record says.
  bool stands(const Generation& generation) const;

  std::vector<std::uint64_t> numbers() const;                          // newest first
  std::shared_ptr<const Generation> find(std::uint64_t number) const;  // null: lost, or never made

  // Makes the next generation; nobody sees it yet. `charts` are sorted by path.
  std::shared_ptr<const Generation> make(std::vector<Publication> charts, WallTime now) const;
  // Lets `current` lead to it, with one rename.
  void show(std::uint64_t number) const;
  // Removes all but the newest `count`, what `current` leads to and what is pinned.
  void trim(std::size_t count) const;
  // `current`, if it is ours, and all generations.
  void withdraw() const;

  std::optional<Pin> pin() const;
  void set_pin(const Pin& pin) const;
  void remove_pin() const;

 private:
  struct Known {
    FileStamp stamp;
    std::shared_ptr<const Generation> generation;  // null: it could not be read
  };

  std::optional<GenerationName> current() const;
  std::optional<Directory> home() const;
  void remove(const Directory& home, std::uint64_t number) const;

  const ExportVolume& volume_;
  const std::string owner_;
  mutable Guarded<std::optional<std::pair<std::uint64_t, Known>>> known_;  // read last
};

// Below the export directory: the file that changes when a rollback begins or ends.
std::string pin_path(std::string_view owner);

// Calls `visit` with every tree that a generation names, and the generation's owner.
void each_tree_of_generations(
    const ExportVolume& volume,
    const std::function<void(const std::string& owner, const TreeName& tree)>& visit);

}  // namespace ocisync
