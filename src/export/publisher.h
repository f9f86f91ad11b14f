#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/files.h"
#include "export/tree.h"
#include "spec/spec.h"

namespace ocisync {

// What stands at one export path, and whose it is. Kept as <export>/.ocisync/publications/<path with
// "/" written "%2F" and "%" written "%25">.json; claimed (created exclusively) before the first
// rename, so a crash leaves a claim without an export, never an export without an owner.
struct Publication {
  std::string path;     // relative to the export directory
  std::string owner;    // metadata.name
  std::string chart;    // the spec's name for it
  Layout layout;
  ExportFormat format;
  Digest manifest;      // of the chart's own manifest; names the tree
  std::string chart_name;
  std::string chart_version;
  std::string reference;  // canonical, with tag
  WallTime published;
};

enum class PublishedState { current, other_revision, altered, absent, foreign };

// Makes `<export>/<chart path>` show one whole revision, atomically. Safe from any thread and
// process; never touches what this owner did not publish.
class Publisher {
 public:
  // Creates <export>/.ocisync, checks the control format version and, for layout directory, that the
  // volume can exchange directories. Throws volume_unsuitable / format_unknown.
  static Publisher open(const std::filesystem::path& path, std::string owner, const ExportSpec& spec);
  // For diff and status. Absent: nothing was ever exported there.
  static std::optional<Publisher> open_read_only(const std::filesystem::path& path, std::string owner,
                                                 const ExportSpec& spec);
  ~Publisher();
  Publisher(Publisher&&) noexcept;

  TreeStore& trees();

  // This owner's record of a path; absent when there is none.
  std::optional<Publication> find(const std::string& path) const;
  std::vector<Publication> published() const;  // this owner's, sorted by path

  // Whether the path shows what the record says, intact. Hashes contents once per process and path,
  // and where lstat differs. foreign: something there is not ours, or another owner's.
  PublishedState examine(const std::string& path, const std::optional<Publication>& record) const;
  // Throws Error(path_conflict) saying what is in the way.
  void require_free(const std::string& path) const;

  // Shows the tree of `publication` at its path with one rename (symlink) or exchange (directory).
  // Trees ready at about the same time share one sync of the volume first. Returns the publication
  // that was replaced.
  std::optional<Publication> publish(const Publication& publication);

  // Withdraws this owner's export and record. Empty parent directories it made go too.
  void withdraw(const Publication& publication);

 private:
  struct State;
  explicit Publisher(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace ocisync
