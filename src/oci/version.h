#pragma once

#include <compare>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ocisync {

// A semantic version (semver.org 2.0.0). Ordered by precedence: build metadata does not count.
class Version {
 public:
  // Strict: exactly x.y.z[-pre][+meta], no "v", no leading zeros, at most 256 bytes.
  static std::optional<Version> parse(std::string_view text);
  // As Helm reads a version: optional "v", one to three numeric parts, leading zeros.
  static std::optional<Version> parse_loose(std::string_view text);

  std::uint64_t major() const noexcept { return major_; }

  std::uint64_t minor() const noexcept { return minor_; }

  std::uint64_t patch() const noexcept { return patch_; }

  const std::string& prerelease() const noexcept { return prerelease_; }

  const std::string& metadata() const noexcept { return metadata_; }

  std::string str() const;  // canonical x.y.z-pre+meta

  std::weak_ordering operator<=>(const Version& other) const;

  bool operator==(const Version& other) const { return (*this <=> other) == 0; }

 private:
  Version() = default;

  // Fills in absent numeric parts with zero.
  static std::optional<Version> assemble(std::string_view numbers,
                                         std::optional<std::string_view> prerelease,
                                         std::optional<std::string_view> metadata);

  std::uint64_t major_ = 0, minor_ = 0, patch_ = 0;
  std::string prerelease_, metadata_;
};

// A version range in the grammar of Masterminds/semver 3.4 (what Helm 4 uses): "||" separates
// alternatives, commas or blanks join comparators, operators = != > < >= <= ~ ^ and hyphen ranges;
// "x", "X" and "*" are wildcards. Prereleases satisfy a range only where some comparator of the
// same alternative names one.
class VersionRange {
 public:
  // Throws Error(reference_invalid) that says what is wrong.
  static VersionRange parse(std::string_view text);
  static VersionRange any_stable();  // "*"

  bool contains(const Version& version) const;

 private:
  struct Alternatives;
  VersionRange() = default;

  std::shared_ptr<const Alternatives> alternatives_;
};

// Which tag of a repository a range chooses: tags that are strict versions once "_" is read as "+",
// highest precedence first, of equals the greatest by bytes; a tag equal to `range_text` wins
// outright. Absent: none satisfies.
std::optional<std::string> highest_tag(const std::vector<std::string>& tags,
                                       const VersionRange& range, std::string_view range_text);

}  // namespace ocisync
