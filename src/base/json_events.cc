#include <array>
#include <iterator>
#include <span>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/document_events.h"
#include "base/error.h"

namespace ocisync {
namespace {

// Hands out a source byte by byte.
class ByteFeed {
 public:
  explicit ByteFeed(Source& source) : source_(source) { fill(); }

  bool ended() const { return count_ == 0; }

  const char& current() const { return buffer_[at_]; }

  void advance() {
    ++offset_;
    if (++at_ == count_)
      fill();
  }

  std::uint64_t offset() const { return offset_; }

 private:
  void fill() {
    at_ = 0;
    count_ = source_.read(std::as_writable_bytes(std::span(buffer_)));
  }

  Source& source_;
  std::array<char, 16 * 1024> buffer_;
  std::size_t at_ = 0;
  std::size_t count_ = 0;
  std::uint64_t offset_ = 0;
};

class FeedIterator {
 public:
  using iterator_category = std::input_iterator_tag;
  using value_type = char;
  using difference_type = std::ptrdiff_t;
  using pointer = const char*;
  using reference = const char&;

  explicit FeedIterator(ByteFeed* feed) : feed_(feed) {}  // null: the end

  reference operator*() const { return feed_->current(); }

  FeedIterator& operator++() {
    feed_->advance();
    return *this;
  }

  bool operator==(const FeedIterator& other) const { return at_end() == other.at_end(); }

 private:
  bool at_end() const { return feed_ == nullptr || feed_->ended(); }

  ByteFeed* feed_;
};

class JsonTeller final : public nlohmann::json::json_sax_t {
 public:
  JsonTeller(const ByteFeed& feed, DocumentEvents& events) : feed_(feed), events_(events) {}

  bool null() override {
    return told([&] { events_.null(); });
  }

  bool boolean(bool value) override {
    return told([&] { events_.scalar(value ? "true" : "false"); });
  }

  bool number_integer(std::int64_t value) override {
    return told([&] { events_.scalar(std::to_string(value)); });
  }

  bool number_unsigned(std::uint64_t value) override {
    return told([&] { events_.scalar(std::to_string(value)); });
  }

  bool number_float(double /*value*/, const std::string& text) override {
    return told([&] { events_.scalar(text); });
  }

  bool binary(nlohmann::json::binary_t& /*value*/) override { return false; }  // never in text

  bool string(std::string& value) override {
    return told([&] { events_.scalar(value); });
  }

  bool key(std::string& value) override {
    return told([&] { events_.key(value); });
  }

  bool start_object(std::size_t /*size*/) override {
    deeper();
    return told([&] { events_.begin_map(); });
  }

  bool end_object() override { return ended(); }

  bool start_array(std::size_t /*size*/) override {
    deeper();
    return told([&] { events_.begin_list(); });
  }

  bool end_array() override { return ended(); }

  bool parse_error(std::size_t /*position*/, const std::string& /*token*/,
                   const nlohmann::json::exception& /*problem*/) override {
    refuse("this is not JSON");
  }

 private:
  [[noreturn]] void refuse(std::string_view why) const {
    throw Error(Reason::protocol_violation,
                fmt::format("invalid JSON at byte {}: {}", feed_.offset(), why));
  }

  template <typename Tell>
  bool told(Tell tell) {
    tell();
    return true;
  }

  bool ended() {
    --depth_;
    return told([&] { events_.end(); });
  }

  void deeper() {
    if (++depth_ > kDocumentDepth)
      refuse(fmt::format("nested deeper than {} levels", kDocumentDepth));
  }

  const ByteFeed& feed_;
  DocumentEvents& events_;
  std::size_t depth_ = 0;
};

}  // namespace

void read_json_events(Source& source, DocumentEvents& events) {
  ByteFeed feed(source);
  JsonTeller teller(feed, events);
  nlohmann::json::sax_parse(FeedIterator(&feed), FeedIterator(nullptr), &teller);
}

}  // namespace ocisync
