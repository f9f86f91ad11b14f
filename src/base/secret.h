#pragma once

#include <string>
#include <string_view>
#include <utility>

#include <fmt/format.h>

namespace ocisync {

// Text that must not be seen: it prints as [redacted] and is overwritten when it dies. Only
// reveal() hands it out, and that word is what a reviewer greps for.
class Secret {
 public:
  Secret() = default;

  explicit Secret(std::string text) : text_(std::move(text)) {}

  Secret(const Secret&) = default;

  Secret& operator=(const Secret& other) {
    if (this != &other) {
      wipe();
      text_ = other.text_;
    }
    return *this;
  }

  Secret(Secret&& other) noexcept : text_(std::move(other.text_)) { other.wipe(); }

  Secret& operator=(Secret&& other) noexcept {
    if (this != &other) {
      wipe();
      text_ = std::move(other.text_);
      other.wipe();
    }
    return *this;
  }

  ~Secret() { wipe(); }

  const std::string& reveal() const noexcept { return text_; }

  bool empty() const noexcept { return text_.empty(); }

  friend bool operator==(const Secret&, const Secret&) = default;

 private:
  // All the room the string has: a moved-from or shortened one still holds its old bytes there.
  void wipe() noexcept {
    text_.resize(text_.capacity());
    volatile char* bytes = text_.data();
    for (std::size_t i = 0; i < text_.size(); ++i)
      bytes[i] = 0;
    text_.clear();
  }

  std::string text_;
};

}  // namespace ocisync

template <>
struct fmt::formatter<ocisync::Secret> : fmt::formatter<std::string_view> {
  template <typename Context>
  auto format(const ocisync::Secret&, Context& context) const {
    return fmt::formatter<std::string_view>::format("[redacted]", context);
  }
};
