#include "chart/tar_reader.h"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <exception>
#include <string>
#include <system_error>
#include <vector>

#include <archive.h>
#include <archive_entry.h>
#include <fmt/format.h>

#include "base/error.h"
#include "base/handle.h"
#include "base/text.h"

namespace ocisync {
namespace {

constexpr std::size_t kBuffer = 64 * 1024;
constexpr std::uint64_t kRecord = 512;
constexpr std::uint64_t kMaxHeaders = kBuffer - 8 * kRecord;  // of one entry: two buffers hold them

bool is_pax_header(char type) { return type == 'x' || type == 'g'; }

bool is_gnu_long_name(char type) { return type == 'L' || type == 'K'; }

}  // namespace

struct TarReader::State {
  explicit State(Source& from)
      : source(from), block(kBuffer), before(kBuffer), tar(::archive_read_new()) {}

  // libarchive's read callback. No exception may cross C code, so one is kept for fail().
  static la_ssize_t feed(archive*, void* self, const void** bytes) noexcept {
    auto& state = *static_cast<State*>(self);
    try {
      const std::size_t count = state.advance();
      *bytes = state.block.data();
      return static_cast<la_ssize_t>(count);
    } catch (...) {
      state.failure = std::current_exception();
      return -1;
    }
  }

  // The next buffer, full unless it is the last; both stay as they are at the end.
  std::size_t advance() {
    std::size_t size = 0, count = 1;
    for (; count > 0 && size < kBuffer; size += count)
      count = source.read(std::span(before).subspan(size));
    if (size == 0)
      return 0;
    std::swap(block, before);
    block_size = size;
    delivered += size;
    return size;
  }

  // A byte of the last two buffers, by its place in the tar.
  char at(std::uint64_t place) const {
    const std::uint64_t start = delivered - block_size;
    if (place >= delivered || place + kBuffer < start)
      throw Error(Reason::chart_invalid, "the archive has headers that overlap");
    return static_cast<char>(place >= start ? block[place - start]
                                            : before[place + kBuffer - start]);
  }

  std::uint64_t size_at(std::uint64_t header) const {
    std::string digits;
    for (std::uint64_t i = header + 124; i < header + 136; ++i)
      digits += at(i);
    digits = trim(std::string_view(digits.c_str()));
    std::uint64_t size = 0;
    const auto [rest, error] =
        std::from_chars(digits.data(), digits.data() + digits.size(), size, 8);
    if (error != std::errc() || rest != digits.data() + digits.size())
      throw Error(Reason::chart_invalid, "the archive has a header whose size is not octal");
    return size;
  }

  // libarchive ends a name of a PAX header at a NUL; another reader may refuse it, or not end it.
  void require_no_nul_in_pax_headers() const {
    const auto consumed = static_cast<std::uint64_t>(::archive_filter_bytes(tar.get(), 0));
    auto header = static_cast<std::uint64_t>(::archive_read_header_position(tar.get()));
    if (consumed - header > kMaxHeaders)
      throw Error(Reason::limit_exceeded,
                  fmt::format("the archive has an entry whose headers take more than {} bytes",
                              kMaxHeaders));
    while (is_pax_header(at(header + 156)) || is_gnu_long_name(at(header + 156))) {
      const std::uint64_t contents = header + kRecord;
      const std::uint64_t end = contents + size_at(header);
      for (std::uint64_t i = contents; is_pax_header(at(header + 156)) && i < end; ++i)
        if (at(i) == '\0')
          throw Error(Reason::chart_invalid, "the archive has a PAX header that holds a NUL");
      header = (end + kRecord - 1) / kRecord * kRecord;
    }
  }

  [[noreturn]] void fail() const {
    if (failure)
      std::rethrow_exception(failure);
    const char* text = ::archive_error_string(tar.get());
    throw Error(Reason::chart_invalid,
                fmt::format("the archive is not a sound tar: {}",
                            printable(text != nullptr ? text : "damaged", 200)));
  }

  // What was handed over but not consumed, and all that still comes.
  void require_zeros_to_the_end() {
    const auto consumed = static_cast<std::uint64_t>(::archive_filter_bytes(tar.get(), 0));
    const std::uint64_t left = std::min<std::uint64_t>(delivered - consumed, block_size);
    Bytes rest = Bytes(block).first(block_size).last(left);
    do {
      if (std::any_of(rest.begin(), rest.end(),
                      [](std::byte byte) { return byte != std::byte{0}; }))
        throw Error(Reason::chart_invalid, "the archive goes on after the end of its tar");
      rest = Bytes(block).first(source.read(block));
    } while (!rest.empty());
  }

  Source& source;
  std::vector<std::byte> block, before;  // what came last; what came before it, which was full
  std::size_t block_size = 0;
  std::uint64_t delivered = 0;
  std::exception_ptr failure;
  Owner<archive, &::archive_read_free> tar;
};

namespace {

TarEntry::Kind kind_of(archive_entry* entry) {
  if (::archive_entry_hardlink(entry) != nullptr)
    return TarEntry::Kind::hard_link;
  if (::archive_entry_sparse_count(entry) > 0)
    return TarEntry::Kind::sparse_file;
  switch (::archive_entry_filetype(entry)) {
    case AE_IFREG:
      return TarEntry::Kind::file;
    case AE_IFDIR:
      return TarEntry::Kind::directory;
    case AE_IFLNK:
      return TarEntry::Kind::symbolic_link;
    default:
      return TarEntry::Kind::special;
  }
}

}  // namespace

TarReader::TarReader(Source& source) : state_(std::make_unique<State>(source)) {
  archive* const tar = state_->tar.get();
  if (tar == nullptr)
    throw std::bad_alloc();
  ::archive_read_support_filter_none(tar);
  ::archive_read_support_format_tar(tar);
  if (::archive_read_open(tar, state_.get(), nullptr, &State::feed, nullptr) != ARCHIVE_OK)
    state_->fail();
}

TarReader::~TarReader() = default;
TarReader::TarReader(TarReader&&) noexcept = default;

std::optional<TarEntry> TarReader::next() {
  archive* const tar = state_->tar.get();
  archive_entry* entry = nullptr;
  const int result = ::archive_read_next_header(tar, &entry);
  if (result == ARCHIVE_EOF) {
    state_->require_zeros_to_the_end();
    return std::nullopt;
  }
  // A warning of this number says that a name does not fit the process's locale: we take its raw
  // bytes, so that is nothing to us. Any other warning tells of records that were malformed.
  const bool foreign_name = result == ARCHIVE_WARN && ::archive_errno(tar) == EILSEQ;
  if (result != ARCHIVE_OK && !foreign_name)
    state_->fail();
  state_->require_no_nul_in_pax_headers();
  const char* name = ::archive_entry_pathname(entry);
  const la_int64_t size = ::archive_entry_size(entry);
  if (name == nullptr || size < 0)
    throw Error(Reason::chart_invalid,
                "the archive has an entry without a name or with a negative size");
  return TarEntry{name, kind_of(entry), static_cast<std::uint64_t>(size),
                  static_cast<std::int64_t>(::archive_entry_mtime(entry))};
}

std::size_t TarReader::read(std::span<std::byte> into) {
  const la_ssize_t count = ::archive_read_data(state_->tar.get(), into.data(), into.size());
  if (count < 0)
    state_->fail();
  return static_cast<std::size_t>(count);
}

}  // namespace ocisync
