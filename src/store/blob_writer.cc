#include "store/blob_writer.h"

#include <fmt/format.h>

#include "base/error.h"

namespace ocisync {
namespace {

constexpr mode_t kBlobMode = 0444;
constexpr std::uint64_t kWorthReserving = 1 << 20;

}  // namespace

BlobWriter::BlobWriter(const Volume& volume, const Descriptor& promised)
    : promised_(promised), file_(volume), hasher_(promised.digest.algorithm()) {
  reserve();
}

void BlobWriter::reserve() {
  if (promised_.size >= kWorthReserving)
    file_.reserve(promised_.size);
}

void BlobWriter::write(Bytes bytes) {
  if (bytes.size() > promised_.size - written_)
    throw Error(Reason::digest_mismatch, fmt::format("{} goes on after the {} bytes it should have",
                                                     promised_.digest.str(), promised_.size));
  hasher_.update(bytes);
  file_.write(bytes);
  written_ += bytes.size();
}

void BlobWriter::restart() {
  file_.truncate();
  hasher_ = Hasher(promised_.digest.algorithm());
  written_ = 0;
  reserve();
}

struct stat BlobWriter::publish(const Directory& blobs) {
  if (written_ != promised_.size)
    throw Error(Reason::digest_mismatch,
                fmt::format("{} ended after {} of {} bytes", promised_.digest.str(), written_,
                            promised_.size));
  const Digest actual = hasher_.finish();
  if (actual != promised_.digest)
    throw Error(Reason::digest_mismatch,
                fmt::format("expected {}, the bytes are {}", promised_.digest.str(), actual.str()));
  return file_.publish(blobs, promised_.digest.hex(), kBlobMode);
}

}  // namespace ocisync
