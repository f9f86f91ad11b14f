#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/sink.h"

namespace ocisync {

// The digest algorithms of the OCI image specification that we compute. Others are "unsupported".
enum class DigestAlgorithm : std::uint8_t { sha256, sha512 };

// A content digest that is right by construction (OCI image-spec, descriptor.md, "Digests"):
// lower-case hex of exactly the algorithm's length. It is what turns outside bytes into file names,
// so nothing else may.
class Digest {
 public:
  // Throws Error(unsupported) for another algorithm and (reference_invalid) for anything malformed.
  static Digest parse(std::string_view text);
  static std::optional<Digest> try_parse(std::string_view text);
  static Digest of(std::string_view bytes);  // sha256

  DigestAlgorithm algorithm() const noexcept { return algorithm_; }

  std::string_view algorithm_name() const noexcept;
  std::string hex() const;
  std::string str() const;        // sha256:9f86…
  std::string short_hex() const;  // the first 7 digits, as `chart list` shows them

  friend auto operator<=>(const Digest&, const Digest&) = default;

  struct Hash {
    std::size_t operator()(const Digest& digest) const noexcept;
  };

 private:
  friend class Hasher;
  Digest() = default;

  DigestAlgorithm algorithm_ = DigestAlgorithm::sha256;
  std::array<std::uint8_t, 64> bytes_{};  // unused tail is zero
};

// Makes a Digest of bytes as they pass. One thread at a time.
class Hasher {
 public:
  explicit Hasher(DigestAlgorithm algorithm = DigestAlgorithm::sha256);
  ~Hasher();
  Hasher(Hasher&&) noexcept;
  Hasher& operator=(Hasher&&) noexcept;

  void update(Bytes bytes);
  Digest finish();  // resets: the next update starts a new digest

 private:
  struct State;
  std::unique_ptr<State> state_;
  DigestAlgorithm algorithm_;
};

}  // namespace ocisync
