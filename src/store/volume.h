#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string_view>

#include "base/files.h"

namespace ocisync {

// The cache directory, laid out as Helm 3's registry cache and an OCI image layout at once:
//
//   CACHE/
//   ├── oci-layout, index.json                   OCI image layout
//   ├── blobs/<algorithm>/<hex>                  manifests, meta (config), content, provenance
//   ├── charts/<name>/versions/<version>         a one-byte file, "-"
//   ├── refs/<host_port>/<repository…>/tags/<tag>/{chart,content,meta,manifest}     relative links
//   │                              …/digests/<algorithm>-<hex>/…
//   └── .ocisync/
//       ├── format        "1\n"; newer is refused, lost is rebuilt
//       ├── staging/      blobs being written, private names; swept when old
//       ├── locks/        one file a lock
//       ├── roots/        <metadata.name>.json: what each spec keeps
//       ├── pins/         what a chart verb saved or pulled
//       └── notes/        what classic repositories listed, with the validators of that answer
//
// Any number of processes and nodes may share it. Safe from any thread.
class Volume {
 public:
  // Creates what is missing, checks that this process can write there and clears what killed
  // processes left in staging. A cache without pins (Helm 3 alpha wrote it, or .ocisync was lost)
  // gets one for each reference it holds: whoever saved them did not ask us to sweep them. Throws
  // Error(volume_unsuitable) with uid, gid and mode, (format_unknown) for a newer format.
  static Volume open(const std::filesystem::path& path, Modes modes);
  // For commands that write nothing. Absent: there is no cache there.
  static std::optional<Volume> open_read_only(const std::filesystem::path& path);

  const Directory& root() const noexcept { return root_; }

  const Modes& modes() const noexcept { return modes_; }

  bool read_only() const noexcept { return read_only_; }

  // Made when missing. Not for a volume that was opened to be read only.
  Directory staging() const;
  Directory locks() const;
  Directory roots() const;
  Directory pins() const;

  // An advisory lock by that name. Locks only save work, so not getting one is no error: absent
  // when `give_up` said so, after two minutes (a frozen process must not stop the others), and
  // where there are no locks.
  std::optional<FileLock> lock(std::string_view name, const std::function<bool()>& give_up) const;

 private:
  Volume(Directory root, Modes modes, bool read_only)
      : root_(std::move(root)), modes_(modes), read_only_(read_only) {}

  void lay_out() const;

  Directory root_;
  Modes modes_;
  bool read_only_;
};

// The whole of the file oci-layout (OCI image-spec, image-layout.md).
inline constexpr std::string_view kOciLayout = R"({"imageLayoutVersion":"1.0.0"})";

// Names that Directory's atomic writes use until their rename: ".tmp-" and what private_name adds.
// Never content.
bool is_leftover(std::string_view name);

}  // namespace ocisync
