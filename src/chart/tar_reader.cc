#include "chart/tar_reader.h"

#include <algorithm>
#include <cerrno>
#include <exception>
#include <vector>

#include <archive.h>
#include <archive_entry.h>
#include <fmt/format.h>

#include "base/error.h"
#include "base/handle.h"
#include "base/text.h"

namespace ocisync {

struct TarReader::State {
  explicit State(Source& from) : source(from), block(64 * 1024), tar(::archive_read_new()) {}

  // libarchive's read callback. No exception may cross C code, so one is kept for fail().
  static la_ssize_t feed(archive*, void* self, const void** bytes) noexcept {
    auto& state = *static_cast<State*>(self);
    try {
      state.block_size = state.source.read(state.block);
      state.delivered += state.block_size;
      *bytes = state.block.data();
      return static_cast<la_ssize_t>(state.block_size);
    } catch (...) {
      state.failure = std::current_exception();
      return -1;
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
  std::vector<std::byte> block;
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
