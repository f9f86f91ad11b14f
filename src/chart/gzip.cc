#include "chart/gzip.h"

#include <algorithm>
#include <new>

#include <fmt/format.h>

#include "base/error.h"
#include "base/text.h"

namespace ocisync {
namespace {

constexpr std::size_t kChunk = 64 * 1024;
constexpr int kGzipOnly = 16 + MAX_WBITS;  // zlib's way to say: this wrapper and no other
constexpr std::uint64_t kRatioGrace = 1ULL << 20;

Bytef* z_bytes(std::byte* bytes) { return reinterpret_cast<Bytef*>(bytes); }

uInt z_count(std::size_t count) {
  return static_cast<uInt>(std::min<std::size_t>(count, 1U << 30U));
}

}  // namespace

GzipReader::GzipReader(Source& packed, InflateBounds bounds)
    : packed_(packed), bounds_(bounds), input_(kChunk) {
  bounds_.ratio = std::max<std::uint64_t>(bounds_.ratio, 1);
  if (::inflateInit2(&stream_, kGzipOnly) != Z_OK)
    throw std::bad_alloc();
}

GzipReader::~GzipReader() { ::inflateEnd(&stream_); }

std::size_t GzipReader::read(std::span<std::byte> into) {
  stream_.next_out = z_bytes(into.data());
  stream_.avail_out = z_count(into.size());
  const uInt wanted = stream_.avail_out;
  while (stream_.avail_out > 0 && at_ != At::end) {
    if (stream_.avail_in == 0 && !refill())
      at_ = At::end;
    else
      inflate_some();
  }
  return wanted - stream_.avail_out;
}

// False at the end of the stream, which must be the end of a member.
bool GzipReader::refill() {
  const std::size_t count = packed_.read(input_);
  stream_.next_in = z_bytes(input_.data());
  stream_.avail_in = z_count(count);
  if (count > 0)
    return true;
  if (at_ == At::inside_member)
    throw Error(Reason::chart_invalid, "the archive is cut short: its gzip stream does not end");
  if (members_ == 0)
    throw Error(Reason::chart_invalid, "the archive is empty");
  return false;
}

void GzipReader::inflate_some() {
  if (at_ == At::between_members && members_ > 0)
    ::inflateReset(&stream_);
  at_ = At::inside_member;
  const uInt in_before = stream_.avail_in;
  const uInt out_before = stream_.avail_out;
  const int result = ::inflate(&stream_, Z_NO_FLUSH);
  in_ += in_before - stream_.avail_in;
  out_ += out_before - stream_.avail_out;
  if (result == Z_STREAM_END) {
    at_ = At::between_members;
    ++members_;
  } else if (result == Z_MEM_ERROR) {
    throw std::bad_alloc();
  } else if (result != Z_OK && result != Z_BUF_ERROR) {
    refuse();
  }
  check_bounds();
}

void GzipReader::refuse() const {
  const std::string_view why = stream_.msg != nullptr ? stream_.msg : "bad gzip data";
  const bool no_member = why == "incorrect header check";
  if (no_member && members_ == 0)
    throw Error(Reason::chart_invalid, "the archive is not gzip");
  if (no_member)
    throw Error(Reason::chart_invalid,
                "the archive goes on after its gzip stream with something else");
  throw Error(Reason::chart_invalid, fmt::format("the archive is damaged: {}", why));
}

void GzipReader::check_bounds() const {
  if (out_ > bounds_.size)
    throw Error(Reason::limit_exceeded,
                fmt::format("the archive unpacks to more than {}", human_size(bounds_.size)));
  if (out_ > kRatioGrace && (out_ - 1) / bounds_.ratio >= in_)
    throw Error(Reason::limit_exceeded,
                fmt::format("the archive unpacks to more than {} times its size", bounds_.ratio));
}

GzipWriter::GzipWriter(Sink& packed) : packed_(packed), output_(kChunk) {
  constexpr int kLevel = 6;
  constexpr int kMemoryLevel = 8;
  if (::deflateInit2(&stream_, kLevel, Z_DEFLATED, kGzipOnly, kMemoryLevel, Z_DEFAULT_STRATEGY) !=
      Z_OK)
    throw std::bad_alloc();
  header_.os = 255;  // "unknown"; zlib would name the machine it runs on
  ::deflateSetHeader(&stream_, &header_);
}

GzipWriter::~GzipWriter() { ::deflateEnd(&stream_); }

void GzipWriter::write(Bytes bytes) {
  while (!bytes.empty()) {
    const uInt count = z_count(bytes.size());
    stream_.next_in = z_bytes(const_cast<std::byte*>(bytes.data()));  // zlib only reads it
    stream_.avail_in = count;
    deflate_all(Z_NO_FLUSH);
    bytes = bytes.subspan(count);
  }
}

void GzipWriter::finish() { deflate_all(Z_FINISH); }

void GzipWriter::deflate_all(int flush) {
  do {
    stream_.next_out = z_bytes(output_.data());
    stream_.avail_out = z_count(output_.size());
    ::deflate(&stream_, flush);
    packed_.write(Bytes(output_).first(output_.size() - stream_.avail_out));
  } while (stream_.avail_out == 0);
}

}  // namespace ocisync
