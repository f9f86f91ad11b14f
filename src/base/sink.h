#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace ocisync {

using Bytes = std::span<const std::byte>;

inline Bytes as_bytes(std::string_view text) { return std::as_bytes(std::span(text)); }

inline std::string_view as_text(Bytes bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// Where bytes go. write() takes all of them or throws; it is called from one thread at a time.
class Sink {
 public:
  virtual ~Sink() = default;
  virtual void write(Bytes bytes) = 0;
};

// Keeps what it is given, up to a ceiling; one byte more throws limit_exceeded naming `what`.
class CappedBuffer final : public Sink {
 public:
  CappedBuffer(std::uint64_t ceiling, std::string what);
  void write(Bytes bytes) override;

  const std::string& text() const noexcept { return text_; }

  std::string take() noexcept { return std::move(text_); }

 private:
  std::uint64_t ceiling_;
  std::string what_;
  std::string text_;
};

// Where bytes come from. read() fills at most `into.size()` bytes and returns how many; 0 is the
// end.
class Source {
 public:
  virtual ~Source() = default;
  virtual std::size_t read(std::span<std::byte> into) = 0;
};

// A source over bytes that outlive it.
class MemorySource final : public Source {
 public:
  explicit MemorySource(Bytes bytes) : rest_(bytes) {}

  std::size_t read(std::span<std::byte> into) override;

 private:
  Bytes rest_;
};

}  // namespace ocisync
