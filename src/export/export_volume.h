#pragma once

#include <filesystem>
#include <memory>
#include <optional>

#include <sys/types.h>

#include "base/error.h"
#include "base/files.h"
#include "base/guarded.h"
#include "export/tree_name.h"
#include "spec/spec.h"

namespace ocisync {

// What is shown, and what tells of it, is written with these.
Modes modes_of(const ExportSpec& spec);

// The export directory and what is hidden in it:
//
//   EXPORT/
//   ├── <chart path>          what readers see
//   └── .ocisync/
//       ├── format            "1\n"; newer is refused, lost is written again
//       ├── staging/          private names; swept when old
//       ├── trees/<format>/   unpacked charts, each beside its record
//       ├── publications/     one file for each export path
//       ├── generations/      layout snapshot: what `current` leads to, by owner and number
//       ├── seals/            what was hashed and found right, by export path
//       ├── retired/          directories that were shown, by path and time
//       └── status/           documents of the observing rooms
//
// Safe from any thread. Directories that somebody removes while we run are found gone by the next
// call and made again, so that a wiped volume is repaired without a restart.
class ExportVolume {
 public:
  // Creates what is missing and checks, as far as a full volume lets it, that it can be written
  // and, for layout directory, that it can exchange directories. Throws Error(volume_unsuitable)
  // with uid, gid and mode, and (format_unknown) for a newer format.
  static ExportVolume open(const std::filesystem::path& path, const ExportSpec& spec);
  // For commands that write nothing. Absent: nothing was ever exported there.
  static std::optional<ExportVolume> open_read_only(const std::filesystem::path& path,
                                                    const ExportSpec& spec);

  const std::filesystem::path& path() const noexcept { return path_; }

  const Modes& modes() const noexcept { return modes_; }

  bool writable() const noexcept { return access_ == Access::write; }

  std::shared_ptr<const Directory> root() const;
  std::shared_ptr<const Directory> control() const;
  // A directory below the control directory, made when missing.
  Directory ensure(std::string_view relative) const;
  std::optional<Directory> find(std::string_view relative) const;

 private:
  struct Handles {
    Directory root, control;
    dev_t device;
    ino_t inode;  // of control
  };

  enum class Access { read, write };

  ExportVolume(std::filesystem::path path, Modes modes, Access access);

  static std::shared_ptr<const Handles> opened(Directory root, Directory control);
  bool current(const Handles& handles) const;
  std::shared_ptr<const Handles> create() const;
  std::shared_ptr<const Handles> find_handles() const;  // null: nothing there
  std::shared_ptr<const Handles> handles() const;

  std::filesystem::path path_;
  Modes modes_;
  Access access_;
  std::unique_ptr<Guarded<std::shared_ptr<const Handles>>> handles_;
};

// The directory of that name. Absent: nothing, or something of another kind, which is not ours.
std::optional<Directory> find_directory(const Directory& home, std::string_view name);

// What a volume without directory exchange answers to layout directory.
Error exchange_unsupported(const std::filesystem::path& path);

}  // namespace ocisync
