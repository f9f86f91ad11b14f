#pragma once

#include <string_view>

#include "registry/authenticator.h"

namespace ocisync {

// A token service that may be asked, and how to reach it.
struct Realm {
  Url url;
  AddressPolicy addresses;
  std::shared_ptr<const Route> route;
};

// Judges the realm of a challenge. A registry, or whoever can alter its answer, names here where
// our password goes: it goes to the registry's own host, to a known partner of it, or to a host
// that the user listed in trustedRealms; never over plain http to another host. Without a secret
// any public https service will do. Throws Error(policy_refused) naming what to set.
Realm check_realm(std::string_view text, const AuthContext& context);

}  // namespace ocisync
