#include "registry/spool.h"

#include <cerrno>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>

#include "base/error.h"

namespace ocisync {
namespace {

Fd nameless_file(const Volume* volume) {
  if (volume != nullptr && !volume->read_only())
    if (Fd file(::openat(volume->staging().fd(), ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600)); file)
      return file;
  Fd file(::memfd_create("ocisync-spool", MFD_CLOEXEC));
  if (!file)
    throw system_error(errno, "making a temporary file");
  return file;
}

}  // namespace

Spool::Spool(const Volume* volume, std::uint64_t ceiling, std::string what)
    : file_(nameless_file(volume)), ceiling_(ceiling), what_(std::move(what)) {}

void Spool::write(Bytes bytes) {
  if (bytes.size() > ceiling_ - size_)
    throw Error(Reason::limit_exceeded,
                fmt::format("{} is larger than the limit of {} bytes", what_, ceiling_));
  hasher_.update(bytes);
  write_all(file_.get(), bytes, what_);
  size_ += bytes.size();
}

const Digest& Spool::digest() {
  if (!digest_)
    digest_ = hasher_.finish();
  return *digest_;
}

int Spool::rewind() {
  if (::lseek(file_.get(), 0, SEEK_SET) != 0)
    throw system_error(errno, "reading a temporary file");
  return file_.get();
}

}  // namespace ocisync
