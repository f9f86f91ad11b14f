#include "oci/version.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "oci/grammar.h"

namespace ocisync {
namespace {

constexpr std::size_t kMaxVersion = 256;

struct VersionParts {
  std::string_view numbers;
  std::optional<std::string_view> prerelease;
  std::optional<std::string_view> metadata;
};

VersionParts split_version(std::string_view text) {
  VersionParts parts;
  if (const std::size_t plus = text.find('+'); plus != std::string_view::npos) {
    parts.metadata = text.substr(plus + 1);
    text = text.substr(0, plus);
  }
  if (const std::size_t dash = text.find('-'); dash != std::string_view::npos) {
    parts.prerelease = text.substr(dash + 1);
    text = text.substr(0, dash);
  }
  parts.numbers = text;
  return parts;
}

std::optional<std::uint64_t> number(std::string_view text) {
  std::uint64_t value = 0;
  if (text.empty() || !only(text, is_digit))
    return std::nullopt;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() ? std::optional(value) : std::nullopt;
}

bool padded(std::string_view digits) {
  return digits.size() > 1 && digits.front() == '0' && only(digits, is_digit);
}

bool valid_identifiers(std::string_view text, bool numbers_may_be_padded) {
  const auto allowed = [](char c) { return is_alnum(c) || c == '-'; };
  for (const std::string_view part : split(text, '.'))
    if (part.empty() || !only(part, allowed) || (padded(part) && !numbers_may_be_padded))
      return false;
  return true;
}

// Numbers count by value and come before words (semver.org, item 11). Without padding the longer
// number is the greater one, however many digits it has.
std::strong_ordering compare_identifiers(std::string_view a, std::string_view b) {
  const bool a_is_number = only(a, is_digit);
  const bool b_is_number = only(b, is_digit);
  if (a_is_number != b_is_number)
    return a_is_number ? std::strong_ordering::less : std::strong_ordering::greater;
  if (a_is_number && a.size() != b.size())
    return a.size() <=> b.size();
  return a.compare(b) <=> 0;
}

std::strong_ordering compare_prereleases(std::string_view a, std::string_view b) {
  if (a.empty() || b.empty())
    return a.empty() <=> b.empty();  // a release comes after its prereleases
  const std::vector<std::string_view> left = split(a, '.');
  const std::vector<std::string_view> right = split(b, '.');
  for (std::size_t i = 0; i < left.size() && i < right.size(); ++i)
    if (const auto order = compare_identifiers(left[i], right[i]); order != 0)
      return order;
  return left.size() <=> right.size();
}

}  // namespace

std::optional<Version> Version::assemble(std::string_view numbers,
                                         std::optional<std::string_view> prerelease,
                                         std::optional<std::string_view> metadata) {
  if ((prerelease && !valid_identifiers(*prerelease, false)) ||
      (metadata && !valid_identifiers(*metadata, true)))
    return std::nullopt;
  const std::vector<std::string_view> texts = split(numbers, '.');
  std::array<std::uint64_t, 3> values{};
  if (texts.size() > values.size())
    return std::nullopt;
  for (std::size_t i = 0; i < texts.size(); ++i) {
    const std::optional<std::uint64_t> value = number(texts[i]);
    if (!value)
      return std::nullopt;
    values[i] = *value;
  }
  Version version;
  version.major_ = values[0];
  version.minor_ = values[1];
  version.patch_ = values[2];
  version.prerelease_ = prerelease.value_or("");
  version.metadata_ = metadata.value_or("");
  return version;
}

std::optional<Version> Version::parse(std::string_view text) {
  if (text.size() > kMaxVersion)
    return std::nullopt;
  const VersionParts parts = split_version(text);
  const std::vector<std::string_view> numbers = split(parts.numbers, '.');
  if (numbers.size() != 3 || std::any_of(numbers.begin(), numbers.end(), padded))
    return std::nullopt;
  return assemble(parts.numbers, parts.prerelease, parts.metadata);
}

std::optional<Version> Version::parse_loose(std::string_view text) {
  if (text.size() > kMaxVersion)
    return std::nullopt;
  const VersionParts parts = split_version(text.starts_with('v') ? text.substr(1) : text);
  return assemble(parts.numbers, parts.prerelease, parts.metadata);
}

std::string Version::str() const {
  std::string text = fmt::format("{}.{}.{}", major_, minor_, patch_);
  if (!prerelease_.empty())
    text += "-" + prerelease_;
  if (!metadata_.empty())
    text += "+" + metadata_;
  return text;
}

std::weak_ordering Version::operator<=>(const Version& other) const {
  if (major_ != other.major_)
    return major_ <=> other.major_;
  if (minor_ != other.minor_)
    return minor_ <=> other.minor_;
  if (patch_ != other.patch_)
    return patch_ <=> other.patch_;
  return compare_prereleases(prerelease_, other.prerelease_);
}

}  // namespace ocisync
