#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "net/http.h"
#include "oci/reference.h"
#include "spec/spec.h"

namespace ocisync {

// A repository at the place where it is asked for: the registry itself, or one of its mirrors.
struct Endpoint {
  // `mirrored` is the registry's name when this is a mirror of it, empty otherwise.
  Endpoint(const Spec& spec, Reference repository, std::string mirrored = {});
  // A classic repository, which has URLs of its own; `chart` is what finds its registries entry.
  Endpoint(const Spec& spec, Reference chart, const Url& repository);

  Reference reference;           // as this server knows it
  const RegistrySpec* registry;  // null: the defaults apply; owned by the spec
  Url base;                      // https://host:port/
  bool plain_http;
  std::string mirrored;
  // Of servers that this one sends us to: only public addresses, unless it is internal itself.
  AddressPolicy elsewhere;
  // Who tells how a registry wants to be answered. Absent: a classic repository, where a refusal
  // without a word means Basic.
  std::optional<Url> front_door;

  const std::string& host() const { return reference.registry(); }  // as configured

  bool pushing = false;  // whether tokens have to let us write, too

  std::string scope() const {
    return "repository:" + reference.repository() + (pushing ? ":pull,push" : ":pull");
  }

  // /v2/<repository>/<kind>/<name>; a mirror learns whose content is meant.
  Url url(std::string_view kind, std::string_view name) const;
};

// A made-up repository of a registry, host[:port] or host[:port]/path, for what concerns the
// registry alone. It has an owner, as Docker Hub knows none without. Throws
// Error(reference_invalid).
Reference somewhere_on(const std::string& registry);

// Where content may be asked for, in order: the mirrors, then the registry. A mirror is asked for
// tags only when the spec lets it resolve.
enum class Lookup { by_tag, by_digest };
std::vector<Endpoint> endpoints(const Spec& spec, const Reference& reference, Lookup lookup);

}  // namespace ocisync
