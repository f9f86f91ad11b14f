#include "registry/blob_transfer.h"

#include <charconv>

#include <fmt/format.h>

#include "base/error.h"
#include "base/text.h"

namespace ocisync {
namespace {

// Below these a second request costs less than what it would save.
constexpr std::uint64_t kWorthKeeping = 64 * 1024;
constexpr std::uint64_t kWorthSaving = 1 << 20;
constexpr std::uint64_t kProgress = 1 << 20;

std::optional<std::uint64_t> number(std::string_view text) {
  std::uint64_t value = 0;
  const char* const end = text.data() + text.size();
  const auto [stopped, error] = std::from_chars(text.data(), end, value);
  return error == std::errc{} && stopped == end && !text.empty() ? std::optional(value)
                                                                 : std::nullopt;
}

}  // namespace

std::optional<ContentRange> parse_content_range(std::string_view text) {
  constexpr std::string_view kUnit = "bytes ";
  text = trim(text);
  const auto dash = text.find('-'), slash = text.find('/');
  if (!equal_ignoring_case(text.substr(0, kUnit.size()), kUnit) || dash == std::string_view::npos ||
      slash == std::string_view::npos || slash < dash)
    return std::nullopt;
  const auto first = number(text.substr(kUnit.size(), dash - kUnit.size()));
  const auto last = number(text.substr(dash + 1, slash - dash - 1));
  const std::string_view total = text.substr(slash + 1);
  if (!first || !last || *last < *first || (total != "*" && !number(total)))
    return std::nullopt;
  return ContentRange{*first, *last, number(total)};
}

BlobTransfer::BlobTransfer(const Descriptor& descriptor, const BlobTarget& target, bool verify)
    : descriptor_(descriptor), target_(target), progress_(target.offset()) {
  if (verify && target.offset() == 0)
    hasher_.emplace(descriptor.digest.algorithm());
}

void BlobTransfer::prepare(HttpRequest& request) {
  std::uint64_t have = target_.offset();
  const bool resume = ranges_work_ && have < descriptor_.size &&
                      (have >= kWorthKeeping || descriptor_.size - have >= kWorthSaving);
  if (have > 0 && !resume) {
    restart();
    have = 0;
  }
  asked_from_ = have;
  if (have > 0)
    request.headers.add("Range", fmt::format("bytes={}-", have));
}

Sink* BlobTransfer::begin(const ResponseHead& head) {
  if (head.status == 200) {
    expect_length(head, descriptor_.size);
    if (target_.offset() > 0)
      restart();  // the server knows no ranges
    return &sink_;
  }
  if (head.status != 206)
    return nullptr;
  if (asked_from_ == 0)
    throw Error(Reason::protocol_violation,
                "the server sent a part of a blob, but was asked for all");
  const std::string* header = head.headers.find("Content-Range");
  const auto range = header ? parse_content_range(*header) : std::nullopt;
  const std::uint64_t size = descriptor_.size;
  if (!range || range->first != asked_from_ || range->last != size - 1 ||
      range->total.value_or(size) != size)
    distrust_ranges("the server sent another part of a blob than it was asked for");
  expect_length(head, size - asked_from_);
  return &sink_;
}

void BlobTransfer::expect_length(const ResponseHead& head, std::uint64_t length) const {
  const std::string* header = head.headers.find("Content-Length");
  const auto announced = header ? number(trim(*header)) : std::nullopt;
  if (announced && *announced != length)
    throw Error(Reason::digest_mismatch,
                fmt::format("the server announces {} bytes where the descriptor of {} promises {}",
                            *announced, descriptor_.digest.str(), length));
}

void BlobTransfer::take(Bytes bytes) {
  if (bytes.size() > descriptor_.size - std::min(descriptor_.size, target_.offset()))
    throw Error(Reason::digest_mismatch,
                fmt::format("the server sends more than the {} bytes of {}", descriptor_.size,
                            descriptor_.digest.str()));
  if (hasher_)
    hasher_->update(bytes);
  target_.sink.write(bytes);
}

void BlobTransfer::check(const HttpResponse& response) {
  if (response.status() == 416) {
    if (asked_from_ == 0)
      throw Error(Reason::protocol_violation, "the server refuses a range that was not asked for");
    distrust_ranges("the server refuses the range that is missing");
  }
  if (response.status() != 200 && response.status() != 206)
    return;
  if (!complete())
    throw Error(Reason::unavailable, fmt::format("the body ended after {} of {} bytes",
                                                 target_.offset(), descriptor_.size));
  if (hasher_ && hasher_->finish() != descriptor_.digest) {
    restart();
    throw Error(Reason::digest_mismatch,
                "the server sent other bytes than " + descriptor_.digest.str());
  }
}

bool BlobTransfer::progressed() {
  const std::uint64_t now = target_.offset();
  const bool enough = now >= progress_ + kProgress;
  if (enough || now < progress_)
    progress_ = now;
  return enough;
}

void BlobTransfer::restart() {
  target_.restart();
  if (hasher_)
    hasher_.emplace(descriptor_.digest.algorithm());
}

void BlobTransfer::distrust_ranges(std::string_view why) {
  ranges_work_ = false;
  throw Error(Reason::unavailable, std::string(why));
}

}  // namespace ocisync
