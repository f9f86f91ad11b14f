#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "export/publication.h"
#include "export/snapshot.h"
#include "export/tree.h"
#include "spec/spec.h"

namespace ocisync {

enum class PublishedState {
  current,
  accepted,  // layout snapshot: the recorded revision is intact, but not what `current` shows
  other_revision,
  altered,
  absent,
  foreign
};

struct RetentionReport;

// Makes `<export>/<chart path>` show one whole revision, atomically. Layout snapshot takes two
// steps: publish() accepts a revision, show_generation() shows what was accepted, all at once; the
// paths of such publications begin with "current/". Safe from any thread and process; never touches
// what this owner did not publish.
// Killed at any moment, it leaves the old revision or the new one, and a state that the next
// publish() puts right.
class Publisher {
 public:
  // Creates <export>/.ocisync, checks the control format version and, for layout directory, that
  // the volume can exchange directories. Throws volume_unsuitable / format_unknown, and
  // path_conflict when layout snapshot finds its `current` taken.
  static Publisher open(const std::filesystem::path& path, std::string owner,
                        const ExportSpec& spec);
  // For diff and status. Absent: nothing was ever exported there.
  static std::optional<Publisher> open_read_only(const std::filesystem::path& path,
                                                 std::string owner, const ExportSpec& spec);
  ~Publisher();
  Publisher(Publisher&&) noexcept;

  TreeStore& trees();

  // <export>/.ocisync, for documents about what is published.
  std::shared_ptr<const Directory> control() const;

  // This owner's record of a path; absent when there is none, or none that can be read.
  std::optional<Publication> find(const std::string& path) const;
  std::vector<Publication> published() const;  // this owner's, sorted by path
  // The same as far as readers see it: of layout snapshot, what the generation shown holds.
  std::optional<Publication> shown(const std::string& path) const;

  // Whether the path shows what the record (from find) says, intact. Hashes contents once per
  // process and path, and where lstat differs. foreign: something there is not ours, or another
  // owner's. Ours without a record, because it was lost, is other_revision.
  PublishedState examine(const std::string& path, const std::optional<Publication>& record) const;

  struct Look {
    std::optional<Publication> publication;         // this owner's record of the path
    PublishedState state = PublishedState::absent;  // what really stands there
  };

  // find and examine in one look, for who means to publish: throws Error(path_conflict) saying what
  // is in the way.
  Look look(const std::string& path) const;

  // Shows the tree of `publication` at its path with one rename (symlink) or exchange (directory).
  // Trees ready at about the same time share one sync of the volume first. Returns the publication
  // that was replaced, which is an equal one when only what stood there was repaired. Throws
  // path_conflict, and storage_failed when the tree is not there intact; the path is as before
  // then.
  std::optional<Publication> publish(const Publication& publication);

  // Withdraws this owner's export and record. Parent directories that are empty then go too. Does
  // nothing without a record, and leaves alone what is not ours.
  void withdraw(const Publication& publication);

  // Layout snapshot. What `current` shows, kept generations, the pin.
  const Snapshot& snapshot() const;
  // Lets `current` show exactly these revisions, sorted by path, with one rename: the newest
  // generation when it holds them, else a new one. The newest kKeptGenerations are kept. Throws
  // path_conflict, storage_failed when a tree is not there, and rolled_back when a pin stands,
  // whoever set it and however late; `current` is as before then.
  static constexpr std::size_t kKeptGenerations = 5;
  std::shared_ptr<const Generation> show_generation(std::vector<Publication> charts, WallTime now);
  // Shows a kept generation, and nothing else until the spec changes or the pin goes. Throws
  // not_found, and storage_failed when a tree of it is not there intact.
  void roll_back(const Pin& pin);
  void remove_pin();

 private:
  friend RetentionReport retain(Publisher& publisher, const ExportSpec& spec, WallTime now);

  struct State;
  explicit Publisher(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace ocisync
