#include "base/sink.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/error.h"
#include "base/text.h"

namespace ocisync {

CappedBuffer::CappedBuffer(std::uint64_t ceiling, std::string what)
    : ceiling_(ceiling), what_(std::move(what)) {}

void CappedBuffer::write(Bytes bytes) {
  if (bytes.size() > ceiling_ - text_.size())
    throw Error(Reason::limit_exceeded,
                fmt::format("{} is larger than {} bytes", printable(what_, 4096), ceiling_));
  text_.append(as_text(bytes));
}

std::size_t MemorySource::read(std::span<std::byte> into) {
  const std::size_t count = std::min(into.size(), rest_.size());
  std::copy_n(rest_.begin(), count, into.begin());
  rest_ = rest_.subspan(count);
  return count;
}

}  // namespace ocisync
