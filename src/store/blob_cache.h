#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>

#include "base/files.h"
#include "oci/manifest.h"
#include "store/blob_writer.h"
#include "store/volume.h"

namespace ocisync {

// Where a blob is, once verified in this process.
struct BlobFile {
  Digest digest;
  std::uint64_t size;
};

Descriptor descriptor_of(const BlobFile& blob, std::string_view media_type = {});

// hits: served from disk, or by the thread or process that was fetching it already; misses: had to
// come from elsewhere; damaged: blobs found not to be what their name says, each counted once.
struct CacheCounts {
  std::uint64_t hits = 0, misses = 0, damaged = 0;
};

// Content by digest. A blob is visible under its name only after size and digest were checked, and
// is hashed again before this process first uses it and whenever lstat says that it changed since;
// a damaged one counts as absent and is replaced. The hashing renews the mtime that a sweep goes
// by, if that is older than an hour, so passes that change nothing write nothing. Safe from any
// thread.
class BlobCache {
 public:
  explicit BlobCache(const Volume& volume);
  ~BlobCache();

  // Verified and ready to open; absent when missing or damaged.
  std::optional<BlobFile> find(const Digest& digest);
  // As find, and of exactly that size.
  std::optional<BlobFile> find(const Descriptor& descriptor);

  // Calls `fetch` when the blob is not there, at most once at a time for one digest among all
  // threads and processes of this volume; the others wait and share. `fetch` fills the writer and
  // may be asked to do so again, with an empty one. Checks free space first; when there is too
  // little, or the disk fills up, room is made once and the fetch repeated. Throws what fetch
  // throws; Error(digest_mismatch) when the bytes are not what was promised (after one clean
  // restart), (disk_full), (cancelled).
  using Fetch = std::function<void(BlobWriter&)>;
  BlobFile ensure(const Descriptor& descriptor, const Fetch& fetch, std::stop_token stop);

  // Keeps bytes that are already here (a manifest). Returns its digest (sha256, or `expected`).
  BlobFile keep(std::string_view bytes, const std::optional<Digest>& expected = std::nullopt);

  // Keeps what `write` writes, the same bytes each time it is called: once to learn their digest,
  // and again if the cache has not got them, so no temporary file is needed. Throws limit_exceeded
  // naming `what` above `limit` bytes, digest_mismatch when the bytes differ between calls.
  struct Produced {
    BlobFile blob;
    bool is_new;
  };

  Produced produce(std::uint64_t limit, std::string_view what,
                   const std::function<void(Sink&)>& write);

  // Throws digest_mismatch when the blob was damaged since it was found, storage_failed when it is
  // gone.
  Fd open(const BlobFile& blob) const;
  std::string read(const BlobFile& blob, std::uint64_t limit) const;

  // What drops content that nothing names. To be set before the first ensure.
  void on_disk_full(std::function<void()> make_room);
  // A step that writes to `where`: once more when it was full and on the cache's own disk, after
  // room was made.
  void with_room(const Directory& where, const std::function<void()>& step) const;

  CacheCounts counts() const;

  const Volume& volume() const noexcept { return volume_; }

 private:
  struct State;

  std::optional<BlobFile> present(const Descriptor& descriptor) const;
  void obtain(const Descriptor& descriptor, const Fetch& fetch);
  void obtain_once(const Descriptor& descriptor, const Fetch& fetch);
  bool make_room() const;

  const Volume& volume_;
  std::unique_ptr<State> state_;
};

}  // namespace ocisync
