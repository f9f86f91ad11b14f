#include "base/yaml.h"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <sstream>
#include <unordered_map>

#include <fmt/format.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include "base/text.h"
#include "base/yaml_entries.h"

namespace ocisync {
namespace {

constexpr std::string_view kStringTag = "tag:yaml.org,2002:str";

// Where the parser found `mark`; its own lines and columns start at 0.
Position position_of(const YAML::Mark& mark, int file) {
  return {mark.line + 1, mark.column + 1, file};
}

// Builds one document from the parser's events. What it refuses it throws as the parser does, with
// the mark of the event, so that one place turns either into a problem.
class Builder final : public YAML::EventHandler {
 public:
  Builder(std::string_view text, const YamlOptions& options, std::vector<YamlProblem>& problems)
      : text_(text), options_(options), problems_(problems) {}

  YamlValue take() { return std::move(root_); }

  const YAML::Mark& last_event() const { return last_event_; }

  // Where the innermost collection that is still open began.
  Position innermost() const {
    return open_.empty() ? position_of(last_event_, options_.file) : open_.back().value.at;
  }

  // True when the reading ended because the rest is another document that nobody asked for.
  bool satisfied() const { return satisfied_; }

  void OnDocumentStart(const YAML::Mark& mark) override {
    if (++documents_ == 1)
      return;
    // The parser also starts a document where the first one ends too early: "[a] b", "- a\nb: 1".
    const auto at = static_cast<std::size_t>(mark.pos);
    const bool announced = at <= text_.size() && text_.substr(at).starts_with("---");
    if (!announced)
      refuse(mark, "nothing can follow here: the document ended before this");
    satisfied_ = options_.documents == YamlOptions::Documents::first;
    refuse(mark, "only one document is allowed");
  }

  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    place(mark, anchor, start(YamlValue::Kind::null, mark));
  }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& text) override {
    if (text.find('\0') != std::string::npos)
      refuse(mark, "NUL in a text");
    YamlValue value = start(YamlValue::Kind::scalar, mark);
    value.text = text;
    value.quoted = tag == "!" || tag == kStringTag;  // other tags say nothing here
    place(mark, anchor, std::move(value));
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    for (const Open& open : open_)
      if (open.anchor == anchor)
        refuse(mark, "this alias stands inside what it refers to");
    const YamlValue& original = resolve(mark, anchor);
    charge(mark, original, open_.size());
    place(mark, 0, original);
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string& /*tag*/, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value /*style*/) override {
    open(mark, anchor, YamlValue::Kind::sequence);
  }

  void OnSequenceEnd() override { close(); }

  void OnMapStart(const YAML::Mark& mark, const std::string& /*tag*/, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value /*style*/) override {
    open(mark, anchor, YamlValue::Kind::map);
  }

  void OnMapEnd() override {
    if (options_.duplicates == YamlOptions::Duplicates::refuse)
      report_duplicates(
          open_.back().value, [this] { return innermost_path(); }, problems_);
    close();
  }

 private:
  // A collection whose end has not come yet.
  struct Open {
    YamlValue value;
    YAML::anchor_t anchor = 0;
    bool has_key = false;  // of a map: its last entry waits for its value
  };

  // What an alias can name. A scalar is kept; a collection is found again by the slots that lead to
  // it from the root, so that an anchor nobody refers to costs nothing.
  struct Anchor {
    std::optional<YamlValue> scalar;
    std::vector<std::uint32_t> slots;
  };

  [[noreturn]] static void refuse(const YAML::Mark& mark, const std::string& why) {
    throw YAML::ParserException(mark, why);
  }

  YamlValue start(YamlValue::Kind kind, const YAML::Mark& mark) {
    last_event_ = mark;
    YamlValue value;
    value.kind = kind;
    value.at = position_of(mark, options_.file);
    return value;
  }

  bool key_is_next() const {
    return !open_.empty() && open_.back().value.is_map() && !open_.back().has_key;
  }

  void open(const YAML::Mark& mark, YAML::anchor_t anchor, YamlValue::Kind kind) {
    if (open_.size() >= options_.depth)
      refuse(mark, fmt::format("nested deeper than {} levels", options_.depth));
    if (key_is_next())
      refuse(mark, "a key must be a single text");
    count_nodes(mark, 1);
    if (anchor != 0) {
      Anchor known;
      for (const Open& parent : open_)
        known.slots.push_back(current_slot(parent));
      remember(mark, anchor, std::move(known));
    }
    open_.push_back({start(kind, mark), anchor, false});
  }

  void close() {
    YamlValue done = std::move(open_.back().value);
    open_.pop_back();
    put(std::move(done));
  }

  void place(const YAML::Mark& mark, YAML::anchor_t anchor, YamlValue value) {
    if (anchor != 0)
      remember(mark, anchor, {value, {}});
    if (key_is_next())
      return put_key(mark, std::move(value));
    count_nodes(mark, 1);
    put(std::move(value));
  }

  void put_key(const YAML::Mark& mark, YamlValue key) {
    if (!key.is_scalar())
      refuse(mark, "a key must be a single text");
    const bool merges = options_.merge_keys && !key.quoted && key.text == "<<";
    Open& map = open_.back();
    map.value.entries.push_back(
        {merges ? std::string(kMergeEntry) : std::move(key.text), key.at, YamlValue{}});
    map.has_key = true;
  }

  void put(YamlValue value) {
    if (open_.empty()) {
      root_ = std::move(value);
    } else if (Open& parent = open_.back(); parent.value.is_map()) {
      parent.value.entries.back().value = std::move(value);
      parent.has_key = false;
    } else {
      parent.value.items.push_back(std::move(value));
    }
  }

  // Where the innermost open collection stands.
  std::string innermost_path() const {
    std::string path;
    for (std::size_t i = 0; i + 1 < open_.size(); ++i) {
      const YamlValue& parent = open_[i].value;
      if (parent.is_map())
        path += (path.empty() ? "" : ".") + printable(parent.entries.back().key, 80);
      else
        path += fmt::format("[{}]", parent.items.size());
    }
    return path;
  }

  // The slot that the next (or the open) child of `parent` has.
  static std::uint32_t current_slot(const Open& parent) {
    return static_cast<std::uint32_t>(parent.value.is_map() ? parent.value.entries.size() - 1
                                                            : parent.value.items.size());
  }

  void remember(const YAML::Mark& mark, YAML::anchor_t anchor, Anchor known) {
    if (anchors_.size() >= options_.alias_nodes)
      refuse(mark, fmt::format("more than {} anchors", options_.alias_nodes));
    anchors_[anchor] = std::move(known);
  }

  const YamlValue& resolve(const YAML::Mark& mark, YAML::anchor_t anchor) const {
    const auto known = anchors_.find(anchor);
    if (known == anchors_.end())
      refuse(mark, "no such anchor");
    if (known->second.scalar)
      return *known->second.scalar;
    std::size_t level = 0;
    const YamlValue* node = &open_.front().value;
    for (const std::uint32_t slot : known->second.slots) {
      // A collection that is still open stands beside its parent, not in it.
      if (level + 1 < open_.size() && slot == current_slot(open_[level])) {
        node = &open_[++level].value;
      } else {
        node = node->is_map() ? &node->entries[slot].value : &node->items[slot];
        level = open_.size();
      }
    }
    return *node;
  }

  // Pays for copying `value` to a place `depth` levels down: by nodes, and by text, since a long
  // text named often is a bomb as well.
  void charge(const YAML::Mark& mark, const YamlValue& value, std::size_t depth) {
    constexpr std::size_t kTextOfANode = 64;
    const bool collection = value.is_map() || value.is_sequence();
    if (collection && depth >= options_.depth)
      refuse(mark, fmt::format("aliases nest deeper than {} levels", options_.depth));
    alias_nodes_ += 1 + value.text.size() / kTextOfANode;
    if (alias_nodes_ > options_.alias_nodes)
      refuse(mark, fmt::format("aliases expand to more than {} values", options_.alias_nodes));
    if (depth > open_.size())
      count_nodes(mark, 1);  // the outermost is counted where it is placed
    for (const YamlValue& item : value.items)
      charge(mark, item, depth + 1);
    for (const YamlValue::Entry& entry : value.entries) {
      alias_nodes_ += entry.key.size() / kTextOfANode;
      charge(mark, entry.value, depth + 1);
    }
  }

  void count_nodes(const YAML::Mark& mark, std::size_t count) {
    nodes_ += count;
    if (nodes_ > options_.nodes)
      refuse(mark, fmt::format("more than {} values", options_.nodes));
  }

  std::string_view text_;
  const YamlOptions& options_;
  std::vector<YamlProblem>& problems_;
  std::vector<Open> open_;
  YamlValue root_;
  std::unordered_map<YAML::anchor_t, Anchor> anchors_;
  YAML::Mark last_event_;
  std::size_t nodes_ = 0;
  std::size_t alias_nodes_ = 0;
  int documents_ = 0;
  bool satisfied_ = false;
};

// What the parser says, in words for the author of the document.
YamlProblem problem_of(const YAML::Exception& error, const Builder& builder, int file) {
  const Position last = position_of(builder.last_event(), file);
  if (error.msg == YAML::ErrorMsg::END_OF_SEQ_FLOW || error.msg == YAML::ErrorMsg::END_OF_MAP_FLOW)
    return {builder.innermost(), "the collection that begins here is never closed"};
  if (error.msg == YAML::ErrorMsg::DOC_IN_SCALAR || error.msg == YAML::ErrorMsg::EOF_IN_SCALAR)
    return {last, "a quote is opened after this and never closed"};
  if (error.mark.is_null())
    return {last, printable(error.msg)};
  return {position_of(error.mark, file), printable(error.msg)};
}

// The first byte that no YAML document may hold: not UTF-8, or a control character.
std::optional<YamlProblem> find_foreign_byte(std::string_view text, int file) {
  Position at{1, 1, file};
  while (!text.empty()) {
    const std::size_t length = utf8_length(text);
    const auto first = static_cast<unsigned char>(text[0]);
    if (length == 0)
      return YamlProblem{at, "this is not UTF-8"};
    if (first == 0x7F || (first < 0x20 && first != '\t' && first != '\n' && first != '\r'))
      return YamlProblem{at, fmt::format("control character \\x{:02x}", first)};
    at.column += static_cast<int>(length);
    if (first == '\n')
      at = {at.line + 1, 1, file};
    text.remove_prefix(length);
  }
  return std::nullopt;
}

// The parser reads a line of brackets to its end, at some 250 bytes for each, before it says a
// word. A document within its limit of values has few of these characters a value.
bool has_too_many_indicators(std::string_view text, std::size_t nodes) {
  constexpr std::string_view kIndicators = "[{,:?&!\"'";
  const auto count = std::count_if(text.begin(), text.end(), [&](char c) {
    return kIndicators.find(c) != std::string_view::npos;
  });
  return static_cast<std::size_t>(count) / 8 > nodes;
}

}  // namespace

const YamlValue* YamlValue::find(std::string_view key) const {
  for (const Entry& entry : entries)
    if (entry.key == key)
      return &entry.value;
  return nullptr;
}

YamlValue parse_yaml(std::string_view text, const YamlOptions& options,
                     std::vector<YamlProblem>& problems) {
  if (text.starts_with("\uFEFF"))
    text.remove_prefix(3);
  if (auto foreign = find_foreign_byte(text, options.file)) {
    problems.push_back(std::move(*foreign));
    return {};
  }
  if (has_too_many_indicators(text, options.nodes)) {
    problems.push_back({{1, 1, options.file}, fmt::format("more than {} values", options.nodes)});
    return {};
  }
  // The end is marked, or the parser would take an open quote at the end of a cut file for closed.
  std::istringstream stream(std::string(text) + "\n...\n");
  Builder builder(text, options, problems);
  try {
    YAML::Parser parser(stream);
    while (parser.HandleNextDocument(builder)) {
    }
  } catch (const YAML::Exception& error) {
    if (!builder.satisfied()) {
      problems.push_back(problem_of(error, builder, options.file));
      return {};
    }
  }
  YamlValue root = builder.take();
  settle_entries(root, options, problems);
  return root;
}

}  // namespace ocisync
