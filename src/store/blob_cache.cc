#include "store/blob_cache.h"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <mutex>
#include <utility>

#include <fmt/format.h>

#include "base/error.h"
#include "base/text.h"
#include "store/blob_examiner.h"
#include "store/blob_flights.h"
#include "store/blob_path.h"

namespace ocisync {
namespace {

constexpr std::uint64_t kReserve = 16 << 20;

// Leaves others room to breathe: 16 MiB, or a 32nd of a volume smaller than half a GiB.
void require_space(const Directory& root, std::uint64_t size) {
  const auto room = root.room();
  if (!room)
    return;
  const std::uint64_t reserve = std::min(kReserve, room->total / 32);
  if (size > room->free || room->free - size < reserve)
    throw Error(Reason::disk_full,
                fmt::format("a blob of {} does not fit: {} has {} free, and {} must remain",
                            human_size(size), printable(root.path().string()),
                            human_size(room->free), human_size(reserve)));
}

// Lock files are never removed, so their number must be bounded: three hex digits make at most
// 4096, and of sixteen downloads at a time hardly ever two wait for each other without need.
std::string lock_name(const Digest& digest) { return "blob-" + digest.hex().substr(0, 3); }

Error wrong_size(const Descriptor& descriptor, std::uint64_t actual) {
  return Error(Reason::digest_mismatch,
               fmt::format("{} has {} bytes, its descriptor says {}", descriptor.digest.str(),
                           actual, descriptor.size));
}

// Hashes and counts, and keeps nothing.
class Measure final : public Sink {
 public:
  Measure(std::uint64_t limit, std::string_view what) : limit_(limit), what_(what) {}

  void write(Bytes bytes) override {
    if (bytes.size() > limit_ - size_)
      throw Error(Reason::limit_exceeded,
                  fmt::format("{} is larger than {}", what_, human_size(limit_)));
    size_ += bytes.size();
    hasher_.update(bytes);
  }

  Descriptor descriptor() { return {"", hasher_.finish(), size_, "", {}}; }

 private:
  std::uint64_t limit_;
  std::string_view what_;
  std::uint64_t size_ = 0;
  Hasher hasher_;
};

}  // namespace

Descriptor descriptor_of(const BlobFile& blob, std::string_view media_type) {
  return {std::string(media_type), blob.digest, blob.size, {}, {}};
}

struct BlobCache::State {
  explicit State(const Volume& volume) : examiner(volume) {}

  BlobExaminer examiner;
  BlobFlights flights;
  std::function<void()> make_room;
  std::mutex making_room;  // one sweep at a time
  std::atomic<std::uint64_t> hits = 0;
  std::atomic<std::uint64_t> misses = 0;
};

BlobCache::BlobCache(const Volume& volume)
    : volume_(volume), state_(std::make_unique<State>(volume)) {}

BlobCache::~BlobCache() = default;

void BlobCache::on_disk_full(std::function<void()> make_room) {
  state_->make_room = std::move(make_room);
}

void BlobCache::with_room(const Directory& where, const std::function<void()>& step) const {
  try {
    return step();
  } catch (const Error& error) {
    if (error.reason() != Reason::disk_full || !where.shares_volume_with(volume_.root()) ||
        !make_room())
      throw;
  }
  step();
}

// False: there is nothing to be done.
bool BlobCache::make_room() const {
  if (!state_->make_room)
    return false;
  try {
    const std::lock_guard lock(state_->making_room);
    state_->make_room();
    return true;
  } catch (const Error&) {
    return false;  // what is told is that the disk is full
  }
}

std::optional<BlobFile> BlobCache::find(const Digest& digest) {
  const auto size = state_->examiner.examine(digest);
  if (!size)
    return std::nullopt;
  ++state_->hits;
  return BlobFile{digest, *size};
}

std::optional<BlobFile> BlobCache::find(const Descriptor& descriptor) {
  const auto size = state_->examiner.examine(descriptor.digest);
  if (size != descriptor.size)
    return std::nullopt;
  ++state_->hits;
  return BlobFile{descriptor.digest, *size};
}

// An intact blob of another size cannot be what the descriptor means, and no fetch will change
// that.
std::optional<BlobFile> BlobCache::present(const Descriptor& descriptor) const {
  const auto size = state_->examiner.examine(descriptor.digest);
  if (!size)
    return std::nullopt;
  if (*size != descriptor.size)
    throw wrong_size(descriptor, *size);
  return BlobFile{descriptor.digest, *size};
}

BlobFile BlobCache::ensure(const Descriptor& descriptor, const Fetch& fetch, std::stop_token stop) {
  bool fetched = false;
  if (!present(descriptor))
    state_->flights.run(descriptor, stop, [&] {
      const auto give_up = [&] { return stop.stop_requested(); };
      const auto lock = volume_.lock(lock_name(descriptor.digest), give_up);
      if (stop.stop_requested())
        throw Error(Reason::cancelled,
                    "stopped before " + descriptor.digest.str() + " was fetched");
      if (present(descriptor))
        return;  // another process was faster
      fetched = true;
      obtain(descriptor, fetch);
    });
  ++(fetched ? state_->misses : state_->hits);
  return BlobFile{descriptor.digest, descriptor.size};
}

BlobFile BlobCache::keep(std::string_view bytes, const std::optional<Digest>& expected) {
  const Descriptor descriptor{"", expected ? *expected : Digest::of(bytes), bytes.size(), "", {}};
  // No waiting for others: the bytes are here already.
  const bool missing = !present(descriptor);
  if (missing)
    obtain(descriptor, [&](BlobWriter& writer) { writer.write(as_bytes(bytes)); });
  ++(missing ? state_->misses : state_->hits);
  return BlobFile{descriptor.digest, descriptor.size};
}

BlobCache::Produced BlobCache::produce(std::uint64_t limit, std::string_view what,
                                       const std::function<void(Sink&)>& write) {
  Measure measure(limit, what);
  write(measure);
  bool is_new = false;
  const BlobFile blob = ensure(measure.descriptor(),
                               [&](BlobWriter& writer) {
                                 is_new = true;
                                 write(writer);
                               },
                               {});
  return {blob, is_new};
}

void BlobCache::obtain(const Descriptor& descriptor, const Fetch& fetch) {
  bool may_make_room = true, may_restart = true;
  while (true) {
    try {
      return obtain_once(descriptor, fetch);
    } catch (const Error& error) {
      const bool full = error.reason() == Reason::disk_full;
      const bool mismatch = error.reason() == Reason::digest_mismatch;
      if (!(full && std::exchange(may_make_room, false) && make_room()) &&
          !(mismatch && std::exchange(may_restart, false)))
        throw;
    }
  }
}

void BlobCache::obtain_once(const Descriptor& descriptor, const Fetch& fetch) {
  if (volume_.read_only())
    throw Error(Reason::offline_miss,
                descriptor.digest.str() + " is not in the cache, which may only be read");
  require_space(volume_.root(), descriptor.size);
  BlobWriter writer(volume_, descriptor);
  fetch(writer);
  const Directory blobs =
      volume_.root().ensure(blob_folder(descriptor.digest), volume_.modes().directory);
  state_->examiner.trust(descriptor.digest, writer.publish(blobs));
}

Fd BlobCache::open(const BlobFile& blob) const {
  const auto open_file = [&] {
    const auto blobs = volume_.root().find(blob_folder(blob.digest));
    auto file = blobs ? blobs->open_file(blob.digest.hex()) : std::nullopt;
    if (!file)
      throw Error(Reason::storage_failed, blob.digest.str() + " is no longer in the cache");
    return std::move(*file);
  };
  Fd file = open_file();
  if (state_->examiner.knows(blob.digest, file.get()))
    return file;
  // Replaced or touched since it was found: look at it again before anyone believes it.
  if (state_->examiner.examine(blob.digest) == blob.size) {
    file = open_file();
    if (state_->examiner.knows(blob.digest, file.get()))
      return file;
  }
  throw Error(Reason::digest_mismatch, blob.digest.str() + " was altered in the cache");
}

std::string BlobCache::read(const BlobFile& blob, std::uint64_t limit) const {
  const Fd file = open(blob);
  FileSource source(file.get(), volume_.root().path_of(blob_path(blob.digest)));
  CappedBuffer buffer(limit, "blob " + blob.digest.str());
  std::byte chunk[64 * 1024];
  while (const std::size_t count = source.read(chunk))
    buffer.write(Bytes(chunk, count));
  return buffer.take();
}

CacheCounts BlobCache::counts() const {
  return {state_->hits, state_->misses, state_->examiner.damaged()};
}

}  // namespace ocisync
