#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "oci/digest.h"

namespace ocisync {

// Where something lives in a registry: host[:port]/repository[:tag][@digest], by the grammar of the
// OCI distribution specification with the limits host 253, repository 255, tag 128 bytes, all text
// 1024. A value of this type is safe in a URL path, a header and (its parts) a file name.
//
//   registry     lower case, without a trailing dot; the Docker Hub aliases are all "docker.io"
//   tag          as the registry knows it: a "+" of a version is written "_"
class Reference {
 public:
  // Takes "oci://host/repo:tag" (scheme ignoring case) and the bare form. The first component is
  // always the host: nothing is defaulted to Docker Hub. Throws Error(reference_invalid) saying
  // which part is wrong, (unsupported) for a digest of another algorithm; userinfo in the text is
  // refused without being repeated.
  static Reference parse(std::string_view text);

  const std::string& registry() const noexcept { return registry_; }

  const std::string& repository() const noexcept { return repository_; }

  const std::optional<std::string>& tag() const noexcept { return tag_; }

  const std::optional<Digest>& digest() const noexcept { return digest_; }

  std::string host() const;       // registry without port, brackets kept
  std::string name() const;       // registry/repository
  std::string str() const;        // canonical, without a scheme
  std::string base_name() const;  // the repository's last component

  Reference with_tag(std::string_view tag) const;     // replaces both tag and digest; checked
  Reference with_digest(const Digest& digest) const;  // drops the tag

  friend bool operator==(const Reference&, const Reference&) = default;

 private:
  Reference() = default;

  std::string registry_;
  std::string repository_;
  std::optional<std::string> tag_;
  std::optional<Digest> digest_;
};

bool valid_tag(std::string_view text);
bool valid_repository(std::string_view text);
bool valid_registry(std::string_view text);  // host[:port], any case

// host[:port] as Reference::registry() would spell it; absent when it is not one.
std::optional<std::string> canonical_registry(std::string_view text);

// "1.2.3+build" <-> "1.2.3_build": tags may not hold a plus sign (Helm's convention).
std::string tag_of_version(std::string_view version);
std::string version_of_tag(std::string_view tag);

}  // namespace ocisync
