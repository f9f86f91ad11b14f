#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/files.h"
#include "base/handle.h"
#include "base/sink.h"
#include "oci/digest.h"
#include "store/volume.h"

namespace ocisync {

// Bytes of which nobody said how many they are, on their way: in a file without a name, on the
// cache's volume if that may be written, else in memory. Hashed as they come. One thread at a time.
class Spool final : public Sink {
 public:
  // `volume` may be null. One byte above `ceiling` throws Error(limit_exceeded) naming `what`.
  Spool(const Volume* volume, std::uint64_t ceiling, std::string what);

  void write(Bytes bytes) override;

  std::uint64_t size() const noexcept { return size_; }

  const Digest& digest();  // of all: nothing is written after it
  int rewind();            // the file, at its first byte; one reader at a time

 private:
  Fd file_;
  std::uint64_t ceiling_;
  std::string what_;
  std::uint64_t size_ = 0;
  Hasher hasher_;
  std::optional<Digest> digest_;
};

}  // namespace ocisync
