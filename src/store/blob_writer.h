#pragma once

#include <cstdint>

#include "base/sink.h"
#include "oci/digest.h"
#include "oci/manifest.h"
#include "store/staging.h"
#include "store/volume.h"

namespace ocisync {

// A blob being written: bytes are hashed as they come and counted against the descriptor's size;
// one byte too many throws digest_mismatch. Nothing is visible until the whole matches. One thread
// at a time.
class BlobWriter final : public Sink {
 public:
  void write(Bytes bytes) override;

  std::uint64_t written() const noexcept { return written_; }  // where a cut transfer resumes

  void restart();  // forget everything written

 private:
  friend class BlobCache;
  BlobWriter(const Volume& volume, const Descriptor& promised);

  void reserve();
  // Checks size and digest and shows the blob under its name. Throws digest_mismatch.
  struct stat publish(const Directory& blobs);

  const Descriptor& promised_;
  StagingFile file_;
  Hasher hasher_;
  std::uint64_t written_ = 0;
};

}  // namespace ocisync
