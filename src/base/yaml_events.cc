#include <algorithm>
#include <array>
#include <istream>
#include <streambuf>
#include <vector>

#include <fmt/format.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include "base/document_events.h"
#include "base/error.h"
#include "base/text.h"

namespace ocisync {
namespace {

constexpr std::size_t kMostSilentBytes = 1 << 20;
constexpr std::size_t kMostSilentIndicators = 20'000;
constexpr std::size_t kMostAnchors = 1000;

// A source as the parser wants it, with an eye on how much it takes before it tells anything: it
// reads a collection in brackets to its end first, at some 250 bytes of memory for each of its
// marks. The end is marked, or an open quote at the end of a cut file would be taken for closed.
class WatchedBuffer final : public std::streambuf {
 public:
  explicit WatchedBuffer(Source& source) : source_(source) {}

  void told() { silent_bytes_ = silent_indicators_ = 0; }

 protected:
  int_type underflow() override {
    std::size_t count = source_.read(std::as_writable_bytes(std::span(buffer_)));
    if (count == 0 && !std::exchange(end_marked_, true))
      count = kEnd.copy(buffer_.data(), kEnd.size());
    if (count == 0)
      return traits_type::eof();
    watch(std::string_view(buffer_.data(), count));
    setg(buffer_.data(), buffer_.data(), buffer_.data() + count);
    return traits_type::to_int_type(buffer_[0]);
  }

 private:
  static constexpr std::string_view kEnd = "\n...\n";

  void watch(std::string_view text) {
    constexpr std::string_view kIndicators = "[{,:?&!\"'";
    silent_bytes_ += text.size();
    silent_indicators_ +=
        static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [&](char c) {
          return kIndicators.find(c) != std::string_view::npos;
        }));
    if (silent_bytes_ > kMostSilentBytes || silent_indicators_ > kMostSilentIndicators)
      throw Error(Reason::protocol_violation,
                  "a text or a collection in brackets is too long to be read");
  }

  Source& source_;
  std::array<char, 2048> buffer_;
  bool end_marked_ = false;
  std::size_t silent_bytes_ = 0;
  std::size_t silent_indicators_ = 0;
};

class YamlTeller final : public YAML::EventHandler {
 public:
  YamlTeller(WatchedBuffer& buffer, DocumentEvents& events) : buffer_(buffer), events_(events) {}

  // The parser also starts a document where the first one ends too early.
  void OnDocumentStart(const YAML::Mark& mark) override {
    if (++documents_ > 1)
      refuse(mark, "nothing can follow here: the document ended before this");
  }

  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    if (!hear(mark, anchor))
      return events_.key("");
    events_.null();
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t /*anchor*/) override {
    if (!hear(mark, 0))
      refuse(mark, "a key must be a single text");
    events_.alias();
  }

  void OnScalar(const YAML::Mark& mark, const std::string& /*tag*/, YAML::anchor_t anchor,
                const std::string& text) override {
    if (!hear(mark, anchor))
      return events_.key(text);
    events_.scalar(text);
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string& /*tag*/, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value /*style*/) override {
    open(mark, anchor, Expects::items);
    events_.begin_list();
  }

  void OnSequenceEnd() override { close(); }

  void OnMapStart(const YAML::Mark& mark, const std::string& /*tag*/, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value /*style*/) override {
    open(mark, anchor, Expects::key);
    events_.begin_map();
  }

  void OnMapEnd() override { close(); }

 private:
  enum class Expects { items, key, value };

  [[noreturn]] static void refuse(const YAML::Mark& mark, const std::string& why) {
    throw YAML::ParserException(mark, why);
  }

  // Whether this is a value; a key otherwise.
  bool hear(const YAML::Mark& mark, YAML::anchor_t anchor) {
    buffer_.told();
    if (anchor > kMostAnchors)
      refuse(mark, fmt::format("more than {} anchors", kMostAnchors));
    if (open_.empty() || open_.back() == Expects::items)
      return true;
    Expects& map = open_.back();
    map = map == Expects::key ? Expects::value : Expects::key;
    return map == Expects::key;
  }

  void open(const YAML::Mark& mark, YAML::anchor_t anchor, Expects expects) {
    if (!hear(mark, anchor))
      refuse(mark, "a key must be a single text");
    if (open_.size() >= kDocumentDepth)
      refuse(mark, fmt::format("nested deeper than {} levels", kDocumentDepth));
    open_.push_back(expects);
  }

  void close() {
    buffer_.told();
    open_.pop_back();
    events_.end();
  }

  WatchedBuffer& buffer_;
  DocumentEvents& events_;
  std::vector<Expects> open_;
  int documents_ = 0;
};

}  // namespace

void read_yaml_events(Source& source, DocumentEvents& events) {
  WatchedBuffer buffer(source);
  std::istream stream(&buffer);
  YamlTeller teller(buffer, events);
  try {
    YAML::Parser parser(stream);
    while (parser.HandleNextDocument(teller)) {
    }
  } catch (const YAML::Exception& error) {
    throw Error(Reason::protocol_violation,
                error.mark.is_null()
                    ? "invalid YAML: " + printable(error.msg, 200)
                    : fmt::format("invalid YAML at line {}, column {}: {}", error.mark.line + 1,
                                  error.mark.column + 1, printable(error.msg, 200)));
  }
}

}  // namespace ocisync
