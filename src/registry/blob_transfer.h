#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "net/http.h"
#include "oci/digest.h"
#include "oci/manifest.h"
#include "registry/client.h"

namespace ocisync {

// One blob on its way into a target: what to ask for next, and whether what comes is what was asked
// for. Asks for the rest of a cut body where that saves something, else begins anew. One thread at
// a time.
class BlobTransfer {
 public:
  // With `verify` the digest is checked here too: for a source that is not the last to be asked.
  BlobTransfer(const Descriptor& descriptor, const BlobTarget& target, bool verify);

  bool complete() const { return target_.offset() >= descriptor_.size; }

  void prepare(HttpRequest& request);  // adds the range
  Sink* begin(const ResponseHead& head);
  // Of a final answer: throws Error(unavailable) when another try is in order, (protocol_violation)
  // when it is not, (digest_mismatch) when the bytes are others.
  void check(const HttpResponse& response);
  bool progressed();  // 1 MiB or more since the last call

 private:
  class Counted final : public Sink {
   public:
    explicit Counted(BlobTransfer& owner) : owner_(owner) {}

    void write(Bytes bytes) override { owner_.take(bytes); }

   private:
    BlobTransfer& owner_;
  };

  void take(Bytes bytes);
  void restart();
  [[noreturn]] void distrust_ranges(std::string_view why);
  void expect_length(const ResponseHead& head, std::uint64_t length) const;

  const Descriptor& descriptor_;
  const BlobTarget& target_;
  Counted sink_{*this};
  std::optional<Hasher> hasher_;
  std::uint64_t asked_from_ = 0;
  std::uint64_t progress_ = 0;
  bool ranges_work_ = true;
};

struct ContentRange {
  std::uint64_t first, last;
  std::optional<std::uint64_t> total;  // absent: "*"
  friend bool operator==(const ContentRange&, const ContentRange&) = default;
};

// "bytes 5-9/10" (RFC 9110 section 14.4). Absent for anything else, unsatisfied ranges included.
std::optional<ContentRange> parse_content_range(std::string_view text);

}  // namespace ocisync
