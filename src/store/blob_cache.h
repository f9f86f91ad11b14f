#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>

#include "base/files.h"
#include "base/guarded.h"
#include "base/sink.h"
#include "oci/manifest.h"
#include "store/volume.h"

namespace ocisync {

// A blob being written: bytes are hashed as they come and counted against the descriptor's size; one
// byte too many throws digest_mismatch. Nothing is visible until the whole matches.
class BlobWriter final : public Sink {
 public:
  void write(Bytes bytes) override;
  std::uint64_t written() const noexcept { return written_; }  // where a cut transfer resumes
  void restart();  // forget everything written

 private:
  friend class BlobCache;
  struct State;
  explicit BlobWriter(std::shared_ptr<State> state) : state_(std::move(state)) {}

  std::shared_ptr<State> state_;
  std::uint64_t written_ = 0;
};

// Where a blob is, once verified in this process.
struct BlobFile {
  Digest digest;
  std::uint64_t size;
};

struct CacheCounts {
  std::uint64_t hits = 0, misses = 0, damaged = 0;
};

// Content by digest. A blob is visible under its name only after size and digest were checked, and is
// hashed again before this process first uses it; a damaged one counts as absent and is replaced.
// Safe from any thread.
class BlobCache {
 public:
  explicit BlobCache(const Volume& volume);
  ~BlobCache();

  // Verified and ready to open; absent when missing or damaged.
  std::optional<BlobFile> find(const Digest& digest);
  // As find, and of exactly that size.
  std::optional<BlobFile> find(const Descriptor& descriptor);

  // Calls `fetch` when the blob is not there, at most once at a time for one digest among all threads
  // and processes of this volume; the others wait and share. `fetch` fills the writer and may be
  // asked to resume from written(). On ENOSPC `make_room` is called once and the fetch repeated.
  // Checks free space first. Throws what fetch throws; Error(digest_mismatch) when the bytes are not
  // what was promised (after one clean restart), (disk_full), (cancelled).
  using Fetch = std::function<void(BlobWriter&)>;
  BlobFile ensure(const Descriptor& descriptor, const Fetch& fetch, std::stop_token stop);

  // Keeps bytes that are already here (a manifest). Returns its digest (sha256, or `expected`).
  BlobFile keep(std::string_view bytes, const std::optional<Digest>& expected = std::nullopt);

  Fd open(const BlobFile& blob) const;
  std::string read(const BlobFile& blob, std::uint64_t limit) const;

  void on_disk_full(std::function<void()> make_room) { make_room_ = std::move(make_room); }
  CacheCounts counts() const;
  const Volume& volume() const noexcept { return volume_; }

 private:
  struct State;
  const Volume& volume_;
  std::function<void()> make_room_;
  std::unique_ptr<State> state_;
};

}  // namespace ocisync
