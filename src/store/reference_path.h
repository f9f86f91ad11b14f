#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "oci/reference.h"

namespace ocisync {

// Charts of OCI registries, and those of classic repositories (index.yaml), whose references live
// under refs/<host_port>/=index/.
enum class ReferenceSource { registry, classic };

// Where a reference is kept below refs/: "localhost_5000/myrepo/mychart/tags/2.7.0", or
// ".../digests/sha256-<hex>" when it has a digest. Throws internal when it has neither.
std::string reference_path(const Reference& reference, ReferenceSource source);

// "localhost_5000/myrepo/mychart": where the tags and digests of its repository are.
std::string repository_path(const Reference& reference, ReferenceSource source);

struct PlacedReference {
  Reference reference;
  ReferenceSource source;
};

// The way back. Absent: no reference is kept there. A host's "_" is its port's colon, for a name
// cannot hold one; with more of them it is an IPv6 address, whose last group is taken for the port
// if an address is left without it.
std::optional<PlacedReference> reference_at(std::string_view path);

// The reference that somebody meant who spells paths less strictly than we do (a host in capitals,
// a "+" in a tag): reference_path() of it may be another path. Absent: none can be made of it.
std::optional<PlacedReference> reference_meant_at(std::string_view path);

}  // namespace ocisync
