#include "oci/reference.h"

#include <algorithm>

#include "oci/authority.h"

namespace ocisync {
namespace {

constexpr std::size_t kMaxReference = 1024;
constexpr std::size_t kMaxRepository = 255;
constexpr std::size_t kMaxTag = 128;

constexpr std::string_view kShape = "host[:port]/repository[:tag][@digest]";

void demand(const Complaint& complaint) {
  if (complaint)
    throw *complaint;
}

// component ::= run *( separator run ), run ::= [a-z0-9]+, separator ::= "." | "_" | "__" | "-"+
bool valid_component(std::string_view text) {
  const auto plain = [](char c) { return is_lower(c) || is_digit(c); };
  if (text.empty() || !plain(text.front()) || !plain(text.back()))
    return false;
  for (std::size_t i = 0; i < text.size();) {
    if (plain(text[i])) {
      ++i;
      continue;
    }
    const std::size_t end = std::min(text.find_first_not_of(text[i], i), text.size());
    const std::size_t run = end - i;
    const bool fine =
        text[i] == '-' || (text[i] == '.' && run == 1) || (text[i] == '_' && run <= 2);
    if (!fine || !plain(text[end]))
      return false;
    i = end;
  }
  return true;
}

Complaint repository_complaint(std::string_view text) {
  if (text.empty())
    return complain("the repository is empty", fmt::format("a reference is {}", kShape));
  if (text.size() > kMaxRepository)
    return complain(
        fmt::format("the repository is {} bytes long (at most {})", text.size(), kMaxRepository));
  for (const std::string_view component : split(text, '/')) {
    if (component.empty())
      return complain("the repository has an empty component");
    if (valid_component(component))
      continue;
    const bool upper = std::any_of(component.begin(), component.end(), is_upper);
    return complain(
        fmt::format("repository component {} may hold only a-z and 0-9 in runs joined by "
                    "one of . _ __ or hyphens",
                    in_quotes(component)),
        upper ? "registries take lower case only" : "");
  }
  return std::nullopt;
}

Complaint tag_complaint(std::string_view text) {
  if (text.empty())
    return complain("the tag is empty");
  if (text.size() > kMaxTag)
    return complain(fmt::format("the tag is {} bytes long (at most {})", text.size(), kMaxTag));
  const auto inner = [](char c) { return is_alnum(c) || one_of(c, "_.-"); };
  if (only(text, inner) && text.front() != '.' && text.front() != '-')
    return std::nullopt;
  return complain(
      fmt::format("tag {} may hold only letters, digits, _ . - and may not start with . "
                  "or -",
                  in_quotes(text)),
      text.find('/') == std::string_view::npos ? "" : "a port belongs to the host");
}

std::string checked_tag(std::string_view text) {
  std::string tag = tag_of_version(text);
  demand(tag_complaint(tag));
  return tag;
}

std::string_view without_scheme(std::string_view text) {
  const std::size_t at = text.find("://");
  if (at == std::string_view::npos || at == 0)
    return text;
  const std::string_view scheme = text.substr(0, at);
  if (equal_ignoring_case(scheme, "oci"))
    return text.substr(at + 3);
  const auto allowed = [](char c) { return is_alnum(c) || one_of(c, "+.-"); };
  if (!only(scheme, allowed))
    return text;
  const bool web = equal_ignoring_case(scheme, "http") || equal_ignoring_case(scheme, "https");
  throw Error(
      Reason::reference_invalid,
      fmt::format("scheme {} does not lead to an OCI registry (oci:// does)", in_quotes(scheme)))
      .hint(web ? "for a registry write oci:// (plain HTTP is a setting of the registry); an "
                  "https:// chart repository is named by \"repository\" and \"chart\""
                : "");
}

// A password may hold anything but what follows an "@" of our grammar, so any other "@" means
// userinfo, wherever it is. Runs before anything of the text is quoted in a message.
void refuse_userinfo(std::string_view text) {
  const std::size_t at = text.find('@');
  if (at == std::string_view::npos)
    return;
  const std::string_view after = text.substr(at + 1);
  const bool in_host = at < text.find('/') && !Digest::try_parse(after);
  if (in_host || after.find_first_of("@/") != std::string_view::npos)
    throw Error(Reason::reference_invalid, "an @ that leads to no digest (credentials, perhaps)")
        .hint("give user name and password to the registry's entry or to ocisync registry login");
}

void refuse_foreign_bytes(std::string_view text) {
  const auto known = [](char c) { return is_alnum(c) || one_of(c, "._-/:@[]+"); };
  const auto* const foreign = std::find_if_not(text.begin(), text.end(), known);
  if (foreign == text.end())
    return;
  throw Error(Reason::reference_invalid,
              fmt::format("byte {} is {}, which no part of a reference may hold",
                          foreign - text.begin() + 1, in_quotes({foreign, 1})));
}

// The parts of a reference, where they are and not yet what they are.
struct ReferenceParts {
  std::string_view registry;
  std::string_view repository;
  std::optional<std::string_view> tag;
  std::optional<std::string_view> digest;
};

// Cuts off what follows `mark`, if it is there.
std::optional<std::string_view> cut(std::string_view& text, char mark) {
  const std::size_t at = text.find(mark);
  if (at == std::string_view::npos)
    return std::nullopt;
  const std::string_view rest = text.substr(at + 1);
  text = text.substr(0, at);
  return rest;
}

ReferenceParts split_reference(std::string_view text) {
  ReferenceParts parts;
  parts.registry = text;
  const auto path = cut(parts.registry, '/');
  if (!path)
    throw Error(Reason::reference_invalid, fmt::format("no repository: a reference is {}", kShape))
        .hint("the registry's host always comes first");
  parts.repository = *path;
  parts.digest = cut(parts.repository, '@');
  parts.tag = cut(parts.repository, ':');
  return parts;
}

void refuse_ownerless(const Reference& reference) {
  const std::string& repository = reference.repository();
  if (reference.registry() != "docker.io" || repository.find('/') != std::string::npos)
    return;
  throw Error(Reason::reference_invalid,
              fmt::format("repository {} names no owner on Docker Hub", in_quotes(repository)))
      .hint(fmt::format("official images are at docker.io/library/{}", repository));
}

}  // namespace

Reference Reference::parse(std::string_view text) {
  if (text.size() > kMaxReference)
    throw Error(
        Reason::reference_invalid,
        fmt::format("the reference is {} bytes long (at most {})", text.size(), kMaxReference));
  const std::string_view bare = without_scheme(text);
  refuse_userinfo(bare);
  refuse_foreign_bytes(text);

  const ReferenceParts parts = split_reference(bare);
  Reference result;
  if (parts.digest)  // first: a password before the @ must not reach another part's message
    result.digest_ = Digest::parse(*parts.digest);
  demand(authority_complaint(parts.registry));
  result.registry_ = canonical_authority(parts.registry);
  demand(repository_complaint(parts.repository));
  result.repository_ = parts.repository;
  if (parts.tag)
    result.tag_ = checked_tag(*parts.tag);
  refuse_ownerless(result);
  return result;
}

std::string Reference::host() const { return std::string(split_authority(registry_).host); }

std::string Reference::name() const { return fmt::format("{}/{}", registry_, repository_); }

std::string Reference::str() const {
  std::string text = name();
  if (tag_)
    text += ":" + *tag_;
  if (digest_)
    text += "@" + digest_->str();
  return text;
}

std::string Reference::base_name() const {
  return repository_.substr(repository_.rfind('/') + 1);  // npos + 1 is the start
}

Reference Reference::with_tag(std::string_view tag) const {
  Reference result = *this;
  result.tag_ = checked_tag(tag);
  result.digest_.reset();
  return result;
}

Reference Reference::with_digest(const Digest& digest) const {
  Reference result = *this;
  result.tag_.reset();
  result.digest_ = digest;
  return result;
}

bool valid_tag(std::string_view text) { return !tag_complaint(text); }

bool valid_repository(std::string_view text) { return !repository_complaint(text); }

bool valid_registry(std::string_view text) { return !authority_complaint(text); }

std::optional<std::string> canonical_registry(std::string_view text) {
  if (!valid_registry(text))
    return std::nullopt;
  return canonical_authority(text);
}

std::string tag_of_version(std::string_view version) {
  std::string tag(version);
  std::replace(tag.begin(), tag.end(), '+', '_');
  return tag;
}

std::string version_of_tag(std::string_view tag) {
  std::string version(tag);
  std::replace(version.begin(), version.end(), '_', '+');
  return version;
}

}  // namespace ocisync
