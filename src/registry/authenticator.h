#pragma once

#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "net/http.h"
#include "registry/challenge.h"
#include "registry/credentials.h"

namespace ocisync {

// The registry a request talks to, as the authenticator needs to know it.
struct AuthContext {
  Origin origin;                // of the registry; tokens and Basic go nowhere else
  std::shared_ptr<const Route> route;
  bool plain_http = false;
  AddressPolicy realm_addresses = AddressPolicy::public_only;  // of a realm on another host
  std::vector<std::string> trusted_realms;
  Duration timeout{30'000};
  Credential credential;
};

// Turns a 401 into an Authorization header: Basic, or Bearer with a token from the realm (GET with
// password or none, OAuth2 POST with an identity token). Tokens are kept per realm, service, scopes
// and credential until shortly before they lapse; callers who need the same one share one request.
// The realm is checked before anything secret goes there: same host, a known pair, or trustedRealms.
// Safe from any thread.
class Authenticator {
 public:
  Authenticator(HttpClient& http, const Clock& clock);
  ~Authenticator();

  // What to send at first: a header that worked for this origin, scope and credential before, if it
  // is still good. Absent: send nothing.
  std::optional<Secret> known(const AuthContext& context, const std::string& scope);

  // Announces scopes that will be needed, so that one token request can ask for up to 50 of them.
  void expect_scopes(const Origin& origin, const std::vector<std::string>& scopes);

  // After a 401 with these challenges. `refused` is the header that was sent, if any: it is forgotten.
  // Throws Error(unauthorized), (policy_refused), (protocol_violation) or what the exchange threw.
  Secret answer(const AuthContext& context, const std::string& scope,
                const std::vector<Challenge>& challenges, const std::optional<Secret>& refused,
                std::stop_token stop);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace ocisync
