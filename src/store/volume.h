#pragma once

#include <filesystem>

#include "base/files.h"
#include "oci/reference.h"

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
//       └── pins/         what a chart verb saved or pulled
//
// Any number of processes and nodes may share it. Safe from any thread.
class Volume {
 public:
  // Creates what is missing and checks that this process can write there. Throws
  // Error(volume_unsuitable) with uid, gid and mode, (format_unknown) for a newer format.
  static Volume open(const std::filesystem::path& path, Modes modes);
  // For commands that write nothing. Absent: there is no cache there.
  static std::optional<Volume> open_read_only(const std::filesystem::path& path);

  const Directory& root() const noexcept { return root_; }
  const Modes& modes() const noexcept { return modes_; }
  Directory staging() const;
  Directory locks() const;
  Directory roots() const;
  Directory pins() const;

 private:
  Volume(Directory root, Modes modes) : root_(std::move(root)), modes_(modes) {}

  Directory root_;
  Modes modes_;
};

}  // namespace ocisync
