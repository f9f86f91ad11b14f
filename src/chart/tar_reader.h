#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "base/sink.h"

namespace ocisync {

struct TarEntry {
  enum class Kind { file, directory, symbolic_link, hard_link, sparse_file, special };

  std::string name;  // the raw bytes the archive holds: hostile, of unknown encoding
  Kind kind;
  std::uint64_t size;         // of a file, as declared
  std::int64_t modified = 0;  // seconds since 1970
};

// Reads the entries of a tar stream: ustar, PAX, GNU and their elders, nothing else. The stream
// must end at an entry's end, after it only zeros may follow. Throws Error(chart_invalid) for
// damage; what the source throws passes through. One thread at a time.
class TarReader {
 public:
  explicit TarReader(Source& source);  // `source` outlives the reader
  ~TarReader();
  TarReader(TarReader&&) noexcept;

  // The next entry; absent at the end, which is checked then. Skips what was not read of the last
  // one.
  std::optional<TarEntry> next();

  // Contents of the current entry; 0 is their end. Fills `into` unless they end first.
  std::size_t read(std::span<std::byte> into);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace ocisync
