#include "base/json.h"

#include <algorithm>
#include <iterator>
#include <limits>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/text.h"

namespace ocisync {
namespace {

[[noreturn]] void refuse(std::size_t offset, std::string_view why) {
  throw Error(Reason::protocol_violation, fmt::format("invalid JSON at byte {}: {}", offset, why));
}

// Walks the text and tells where the parser has come to: its events carry no position.
class Cursor {
 public:
  using iterator_category = std::input_iterator_tag;
  using value_type = char;
  using difference_type = std::ptrdiff_t;
  using pointer = const char*;
  using reference = const char&;

  Cursor(const char* at, const char** reached) : at_(at), reached_(reached) {}

  reference operator*() const { return *at_; }

  Cursor& operator++() {
    *reached_ = ++at_;
    return *this;
  }

  bool operator==(const Cursor& other) const { return at_ == other.at_; }

 private:
  const char* at_;
  const char** reached_;
};

// The library's sentence without its own name for the error and its own position.
std::string complaint(std::string_view what) {
  if (const std::size_t end = what.find("] "); end != std::string_view::npos)
    what.remove_prefix(end + 2);
  if (const std::size_t end = what.find(": ");
      what.starts_with("parse error at") && end < what.size())
    what.remove_prefix(end + 2);
  return printable(what, 200);
}

}  // namespace

// Builds a document from the parser's events. Open containers stand on a stack of their own, so the
// nesting of the text is never the nesting of our calls.
class Json::Reader final : public nlohmann::json::json_sax_t {
 public:
  Reader(std::string_view text, JsonLimits limits) : text_(text), limits_(limits) {}

  Json read() {
    // The parser would take a NUL for the end and never see what follows.
    if (const std::size_t at = text_.find('\0'); at != std::string_view::npos)
      refuse(at, "NUL");
    const char* const end = text_.data() + text_.size();
    reached_ = text_.data();
    nlohmann::json::sax_parse(Cursor(text_.data(), &reached_), Cursor(end, &reached_), this);
    return std::move(result_);
  }

  bool null() override { return place({}); }

  bool boolean(bool value) override { return place(value); }

  bool number_integer(std::int64_t value) override { return place(value); }

  bool number_unsigned(std::uint64_t value) override { return place(value); }

  bool number_float(double value, const std::string& /*text*/) override { return place(value); }

  bool binary(nlohmann::json::binary_t& /*value*/) override { return false; }  // never in text

  bool string(std::string& value) override {
    refuse_nul(value);
    return place(std::move(value));
  }

  bool start_object(std::size_t /*size*/) override { return open(object()); }

  bool end_object() override {
    refuse_duplicates(open_.back().members());
    return close();
  }

  bool start_array(std::size_t /*size*/) override { return open(array()); }

  bool end_array() override { return close(); }

  bool key(std::string& key) override {
    refuse_nul(key);
    members_of(open_.back()).emplace_back(std::move(key), Json());
    return true;
  }

  bool parse_error(std::size_t position, const std::string& /*token*/,
                   const nlohmann::json::exception& problem) override {
    refuse(position, complaint(problem.what()));
  }

 private:
  static std::vector<Member>& members_of(Json& object) {
    return std::get<std::vector<Member>>(object.value_);
  }

  std::size_t offset() const { return static_cast<std::size_t>(reached_ - text_.data()); }

  bool open(Json container) {
    if (open_.size() >= limits_.depth)
      refuse(offset(), fmt::format("nested deeper than {} levels", limits_.depth));
    open_.push_back(std::move(container));
    return true;
  }

  bool close() {
    Json done = std::move(open_.back());
    open_.pop_back();
    return place(std::move(done));
  }

  bool place(Json value) {
    if (++values_ > limits_.values)
      refuse(offset(), fmt::format("more than {} values", limits_.values));
    if (open_.empty())
      result_ = std::move(value);
    else if (open_.back().is_object())
      members_of(open_.back()).back().second = std::move(value);
    else
      open_.back().add(std::move(value));
    return true;
  }

  void refuse_nul(std::string_view value) const {
    if (value.find('\0') != std::string_view::npos)
      refuse(offset(), "NUL in a string");
  }

  void refuse_duplicates(const std::vector<Member>& members) const {
    std::vector<std::string_view> keys;
    keys.reserve(members.size());
    for (const Member& member : members)
      keys.emplace_back(member.first);
    std::sort(keys.begin(), keys.end());
    const auto twin = std::adjacent_find(keys.begin(), keys.end());
    if (twin != keys.end())
      refuse(offset(),
             fmt::format("the object that ends here has '{}' twice", printable(*twin, 80)));
  }

  std::string_view text_;
  JsonLimits limits_;
  const char* reached_ = nullptr;
  std::size_t values_ = 0;
  std::vector<Json> open_;
  Json result_;
};

Json::Json(std::uint64_t value) {
  if (value <= std::uint64_t{std::numeric_limits<std::int64_t>::max()})
    value_ = static_cast<std::int64_t>(value);
  else
    value_ = value;
}

Json Json::parse(std::string_view text, JsonLimits limits) { return Reader(text, limits).read(); }

Json::Kind Json::kind() const noexcept {
  struct KindOf {
    Kind operator()(std::monostate) const { return Kind::null; }

    Kind operator()(bool) const { return Kind::boolean; }

    Kind operator()(std::int64_t) const { return Kind::integer; }

    Kind operator()(std::uint64_t) const { return Kind::integer; }

    Kind operator()(double) const { return Kind::real; }

    Kind operator()(const std::string&) const { return Kind::string; }

    Kind operator()(const std::vector<Json>&) const { return Kind::array; }

    Kind operator()(const std::vector<Member>&) const { return Kind::object; }
  };

  return std::visit(KindOf{}, value_);
}

const std::string* Json::string() const noexcept { return std::get_if<std::string>(&value_); }

std::optional<bool> Json::boolean() const noexcept {
  const bool* value = std::get_if<bool>(&value_);
  return value ? std::optional(*value) : std::nullopt;
}

std::optional<std::uint64_t> Json::unsigned_integer() const noexcept {
  if (const auto* large = std::get_if<std::uint64_t>(&value_))
    return *large;
  const auto* value = std::get_if<std::int64_t>(&value_);
  return value && *value >= 0 ? std::optional(static_cast<std::uint64_t>(*value)) : std::nullopt;
}

std::optional<std::int64_t> Json::integer() const noexcept {
  const auto* value = std::get_if<std::int64_t>(&value_);
  return value ? std::optional(*value) : std::nullopt;
}

std::optional<double> Json::number() const noexcept {
  if (const auto* real = std::get_if<double>(&value_))
    return *real;
  if (const auto small = integer())
    return static_cast<double>(*small);
  const auto large = unsigned_integer();
  return large ? std::optional(static_cast<double>(*large)) : std::nullopt;
}

const std::vector<Json>& Json::items() const noexcept {
  static const std::vector<Json> none;
  const auto* items = std::get_if<std::vector<Json>>(&value_);
  return items ? *items : none;
}

const std::vector<Json::Member>& Json::members() const noexcept {
  static const std::vector<Member> none;
  const auto* members = std::get_if<std::vector<Member>>(&value_);
  return members ? *members : none;
}

const Json* Json::find(std::string_view key) const noexcept {
  for (const Member& member : members())
    if (member.first == key)
      return &member.second;
  return nullptr;
}

const std::string* Json::find_string(std::string_view key) const noexcept {
  const Json* value = find(key);
  return value ? value->string() : nullptr;
}

Json& Json::set(std::string key, Json value) {
  if (is_null())
    *this = object();
  if (!is_object())
    throw Error(Reason::internal, "a member was set on JSON that is no object");
  auto& members = std::get<std::vector<Member>>(value_);
  const auto known = std::find_if(members.begin(), members.end(),
                                  [&](const Member& member) { return member.first == key; });
  if (known != members.end())
    known->second = std::move(value);
  else
    members.emplace_back(std::move(key), std::move(value));
  return *this;
}

Json& Json::add(Json value) {
  if (is_null())
    *this = array();
  if (!is_array())
    throw Error(Reason::internal, "an item was added to JSON that is no array");
  std::get<std::vector<Json>>(value_).push_back(std::move(value));
  return *this;
}

bool Json::erase(std::string_view key) {
  auto* members = std::get_if<std::vector<Member>>(&value_);
  return members && std::erase_if(*members, [&](const Member& m) { return m.first == key; }) > 0;
}

}  // namespace ocisync
