#pragma once

#include <memory>
#include <utility>

#include <unistd.h>

namespace ocisync {

// Turns a C release function into a unique_ptr deleter: Owner<EVP_MD_CTX, &EVP_MD_CTX_free>.
template <auto release>
struct Release {
  template <typename T>
  void operator()(T* object) const noexcept {
    release(object);
  }
};

template <typename T, auto release>
using Owner = std::unique_ptr<T, Release<release>>;

// Owns one file descriptor. Move-only; -1 means none.
class Fd {
 public:
  Fd() = default;

  explicit Fd(int fd) noexcept : fd_(fd) {}

  Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}

  Fd& operator=(Fd&& other) noexcept {
    if (this != &other) {
      reset();
      fd_ = std::exchange(other.fd_, -1);
    }
    return *this;
  }

  ~Fd() { reset(); }

  int get() const noexcept { return fd_; }

  explicit operator bool() const noexcept { return fd_ >= 0; }

  void reset() noexcept {
    if (fd_ >= 0)
      ::close(std::exchange(fd_, -1));
  }

  int release() noexcept { return std::exchange(fd_, -1); }

 private:
  int fd_ = -1;
};

}  // namespace ocisync
