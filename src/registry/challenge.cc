#include "registry/challenge.h"

#include <algorithm>
#include <optional>

#include "base/text.h"

namespace ocisync {
namespace {

constexpr std::size_t kMaxBytes = 8 * 1024;
constexpr std::size_t kMaxChallenges = 16;
constexpr std::size_t kMaxParameters = 32;

bool is_blank(char c) { return c == ' ' || c == '\t'; }

bool is_token_char(char c) {
  return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
         (c != '\0' && std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos);
}

// Reads one header value from left to right, each byte at most twice: what stands before a "=" is
// only known to be a parameter, and not the next challenge's scheme, once the "=" is seen.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : rest_(text) {}

  // The next challenge. Absent when it was malformed, or when there are no more: at_end() tells.
  std::optional<Challenge> next() {
    skip_separators();
    Challenge challenge;
    challenge.scheme = lower(take_token());
    if (challenge.scheme.empty()) {
      skip_to_comma();
      return std::nullopt;
    }
    skip_blanks();
    if (take_token68())
      return challenge;
    while (const auto name = take_parameter_name()) {
      auto value = take_value();
      if (!value)
        return std::nullopt;
      if (challenge.parameters.size() < kMaxParameters)
        challenge.parameters.emplace(lower(*name), *std::move(value));
    }
    return challenge;
  }

  bool at_end() {
    skip_separators();
    return rest_.empty();
  }

 private:
  void skip_blanks() {
    while (!rest_.empty() && is_blank(rest_.front()))
      rest_.remove_prefix(1);
  }

  void skip_separators() {
    while (!rest_.empty() && (is_blank(rest_.front()) || rest_.front() == ','))
      rest_.remove_prefix(1);
  }

  void skip_to_comma() { rest_.remove_prefix(std::min(rest_.find(','), rest_.size())); }

  template <typename Accept>
  std::string_view take_while(Accept accept) {
    const auto end = std::find_if_not(rest_.begin(), rest_.end(), accept);
    const auto taken = rest_.substr(0, static_cast<std::size_t>(end - rest_.begin()));
    rest_.remove_prefix(taken.size());
    return taken;
  }

  std::string_view take_token() { return take_while(is_token_char); }

  // "Negotiate YWJj==": one lump instead of parameters. It ends at a comma or at the value's end.
  bool take_token68() {
    const std::string_view before = rest_;
    take_while([](char c) { return is_token_char(c) || c == '/'; });
    take_while([](char c) { return c == '='; });
    skip_blanks();
    const bool lump = before.size() > rest_.size() && (rest_.empty() || rest_.front() == ',');
    if (!lump)
      rest_ = before;
    return lump;
  }

  // The name of a parameter of the same challenge, its "=" consumed. Absent: the challenge is over.
  std::optional<std::string_view> take_parameter_name() {
    skip_separators();
    const std::string_view before = rest_;
    const std::string_view name = take_token();
    skip_blanks();
    if (name.empty() || rest_.empty() || rest_.front() != '=') {
      rest_ = before;
      return std::nullopt;
    }
    rest_.remove_prefix(1);
    skip_blanks();
    return name;
  }

  // A quoted string, or what servers write without quotes although it is no token (a URL).
  std::optional<std::string> take_value() {
    if (rest_.empty() || rest_.front() != '"')
      return std::string(take_while([](char c) { return !is_blank(c) && c != ','; }));
    rest_.remove_prefix(1);
    std::string value;
    while (!rest_.empty()) {
      char c = rest_.front();
      rest_.remove_prefix(1);
      if (c == '"')
        return value;
      if (c == '\\' && !rest_.empty()) {
        c = rest_.front();
        rest_.remove_prefix(1);
      }
      value += c;
    }
    return std::nullopt;  // no closing quote: what it swallowed cannot be trusted
  }

  std::string_view rest_;
};

}  // namespace

const std::string* Challenge::find(std::string_view name) const {
  const auto found = parameters.find(std::string(name));
  return found == parameters.end() ? nullptr : &found->second;
}

std::vector<Challenge> parse_challenges(const std::vector<std::string_view>& values) {
  std::vector<Challenge> challenges;
  std::size_t budget = kMaxBytes;
  for (const std::string_view value : values) {
    Scanner scanner(value.substr(0, budget));
    budget -= std::min(budget, value.size());
    while (!scanner.at_end() && challenges.size() < kMaxChallenges)
      if (auto challenge = scanner.next())
        challenges.push_back(*std::move(challenge));
  }
  return challenges;
}

}  // namespace ocisync
