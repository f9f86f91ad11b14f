#pragma once

#include <cstdint>
#include <vector>

#include <zlib.h>

#include "base/sink.h"

namespace ocisync {

// What a gzip stream may grow to; inclusive.
struct InflateBounds {
  std::uint64_t size;   // bytes that may come out
  std::uint64_t ratio;  // out : in, looked at once more than 1 MiB came out
};

// The bytes inside a gzip stream (RFC 1952), every member of it. Nothing but gzip is taken: the
// header, the CRC and the length of each member are checked, and the stream must end where a member
// ends. Throws Error(chart_invalid) for damage and (limit_exceeded) for the bounds. Holds 64 KiB.
class GzipReader final : public Source {
 public:
  GzipReader(Source& packed, InflateBounds bounds);  // `packed` outlives the reader
  ~GzipReader() override;
  GzipReader(const GzipReader&) = delete;
  GzipReader& operator=(const GzipReader&) = delete;

  // Fills `into` unless the stream ends first.
  std::size_t read(std::span<std::byte> into) override;

 private:
  enum class At { between_members, inside_member, end };

  bool refill();
  void inflate_some();
  [[noreturn]] void refuse() const;
  void check_bounds() const;

  Source& packed_;
  InflateBounds bounds_;
  std::vector<std::byte> input_;
  z_stream stream_{};
  At at_ = At::between_members;
  std::uint64_t members_ = 0;  // that were read to their end
  std::uint64_t in_ = 0;
  std::uint64_t out_ = 0;
};

// Writes one gzip member whose header says nothing (no time, no name, unknown system), so that
// equal input gives equal output. finish() must be called; nothing may be written after it.
class GzipWriter final : public Sink {
 public:
  explicit GzipWriter(Sink& packed);  // `packed` outlives the writer
  ~GzipWriter() override;
  GzipWriter(const GzipWriter&) = delete;
  GzipWriter& operator=(const GzipWriter&) = delete;

  void write(Bytes bytes) override;
  void finish();

 private:
  void deflate_all(int flush);

  Sink& packed_;
  std::vector<std::byte> output_;
  gz_header header_{};
  z_stream stream_{};
};

}  // namespace ocisync
