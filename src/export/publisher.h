#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "export/publication.h"
#include "export/tree.h"
#include "spec/spec.h"

namespace ocisync {

enum class PublishedState { current, other_revision, altered, absent, foreign };

struct RetentionReport;

// Makes `<export>/<chart path>` show one whole revision, atomically (layouts symlink and
// directory). Safe from any thread and process; never touches what this owner did not publish.
// Killed at any moment, it leaves the old revision or the new one, and a state that the next
// publish() puts right.
class Publisher {
 public:
  // Creates <export>/.ocisync, checks the control format version and, for layout directory, that
  // the volume can exchange directories. Throws volume_unsuitable / format_unknown.
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

 private:
  friend RetentionReport retain(Publisher& publisher, const ExportSpec& spec, WallTime now);

  struct State;
  explicit Publisher(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace ocisync
