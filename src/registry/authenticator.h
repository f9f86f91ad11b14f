#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "base/clock.h"
#include "net/http.h"
#include "registry/challenge.h"
#include "registry/credentials.h"

namespace ocisync {

// The registry a request talks to, as the authenticator needs to know it.
struct AuthContext {
  Origin origin;  // of the registry; tokens and Basic go nowhere else
  std::shared_ptr<const Route> route;
  // To a token service on another host. Empty: none is ever asked.
  std::function<std::shared_ptr<const Route>(const Url&)> route_elsewhere;
  bool plain_http = false;
  AddressPolicy realm_addresses = AddressPolicy::public_only;  // of a realm on another host
  std::vector<std::string> trusted_realms;
  Duration timeout{30'000};
  Credential credential;
  HttpClient* sender =
      nullptr;  // carries (and counts) this caller's token requests; null: the own one
};

// Turns a 401 into an Authorization header: Basic, or Bearer with a token from the realm (GET with
// password or none, OAuth2 POST with an identity token). Tokens are kept per origin, realm,
// service, credential and scope until shortly before they lapse; callers who need the same one
// share one request. The realm is checked before anything secret goes there: same host, a known
// pair, or trustedRealms. Safe from any thread.
class Authenticator {
 public:
  Authenticator(HttpClient& http, const Clock& clock);
  ~Authenticator();

  // What to send at first. An origin that asked for authentication once is expected to ask again: a
  // header that is still good is taken, a token fetched where one is needed. Absent: send nothing.
  // Throws as answer() does.
  std::optional<Secret> anticipate(const AuthContext& context, const std::string& scope,
                                   std::stop_token stop);

  // Announces scopes that will be needed, so that one token request can ask for up to 50 of them.
  // Where a service then gives less than it was asked for, it is asked for one at a time.
  void expect_scopes(const Origin& origin, const std::vector<std::string>& scopes);

  // After a 401 with these challenges. `refused` is the header that was sent, if any: it is
  // forgotten. Throws Error(unauthorized), (policy_refused), (protocol_violation) or what the
  // exchange threw.
  Secret answer(const AuthContext& context, const std::string& scope,
                const std::vector<Challenge>& challenges, const std::optional<Secret>& refused,
                std::stop_token stop);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace ocisync
