#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace ocisync {

struct JsonLimits {
  std::size_t depth = 64;
  std::size_t values = 1'000'000;
};

// A JSON document as a value: ordered members, exact integers, no recursion deeper than the limit
// allows. Reading refuses duplicate keys, invalid UTF-8, NUL in strings, trailing bytes and nesting
// beyond the limit (RFC 8259 with the choices a hostile document must not make for us).
class Json {
 public:
  enum class Kind { null, boolean, integer, real, string, array, object };
  using Member = std::pair<std::string, Json>;

  Json() = default;  // null

  Json(bool value) : value_(value) {}  // NOLINT(google-explicit-constructor): literals read as JSON

  Json(std::int64_t value) : value_(value) {}  // NOLINT(google-explicit-constructor)

  Json(std::uint64_t value);  // NOLINT(google-explicit-constructor)

  Json(int value) : value_(std::int64_t{value}) {}  // NOLINT(google-explicit-constructor)

  Json(double value) : value_(value) {}  // NOLINT(google-explicit-constructor)

  Json(std::string value) : value_(std::move(value)) {}  // NOLINT(google-explicit-constructor)

  Json(std::string_view value)  // NOLINT(google-explicit-constructor)
      : value_(std::string(value)) {}

  Json(const char* value) : value_(std::string(value)) {}  // NOLINT(google-explicit-constructor)

  static Json array() { return Json(Value(std::vector<Json>{})); }

  static Json object() { return Json(Value(std::vector<Member>{})); }

  // Throws Error(protocol_violation) with a byte offset; the caller adds what was being read.
  static Json parse(std::string_view text, JsonLimits limits = {});

  Kind kind() const noexcept;

  bool is_null() const noexcept { return kind() == Kind::null; }

  bool is_array() const noexcept { return kind() == Kind::array; }

  bool is_object() const noexcept { return kind() == Kind::object; }

  // Absent or null when the value is of another kind (or, for numbers, out of range).
  const std::string* string() const noexcept;
  std::optional<bool> boolean() const noexcept;
  std::optional<std::uint64_t> unsigned_integer() const noexcept;
  std::optional<std::int64_t> integer() const noexcept;
  std::optional<double> number() const noexcept;  // any number

  const std::vector<Json>& items() const noexcept;        // empty unless an array
  const std::vector<Member>& members() const noexcept;    // empty unless an object
  const Json* find(std::string_view key) const noexcept;  // null unless an object with that key
  const std::string* find_string(std::string_view key) const noexcept;

  // Building. set() keeps the order of first insertion and replaces an equal key. null becomes the
  // object or array it is first used as; any other kind is a defect and throws internal.
  Json& set(std::string key, Json value);
  Json& add(Json value);
  bool erase(std::string_view key);

  enum class Escape { plain, html };  // html: < > & U+2028 U+2029 as \u003c..., as Go writes JSON

  // indent < 0: compact. Strings are written as they are, escaped where JSON demands it; bytes that
  // are not UTF-8 become U+FFFD, numbers that are not finite become null.
  std::string dump(int indent = -1, Escape escape = Escape::plain) const;

  friend bool operator==(const Json&, const Json&) = default;

 private:
  using Value = std::variant<std::monostate, bool, std::int64_t, std::uint64_t, double, std::string,
                             std::vector<Json>, std::vector<Member>>;
  class Reader;

  explicit Json(Value value) : value_(std::move(value)) {}

  Value value_;  // an integer that fits int64 is always held as one, so equal numbers are equal
};

}  // namespace ocisync
