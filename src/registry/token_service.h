#pragma once

#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "net/http.h"
#include "registry/credentials.h"
#include "registry/realm.h"

namespace ocisync {

struct TokenQuestion {
  Realm realm;
  std::string service;              // may be empty
  std::vector<std::string> scopes;  // the one needed now first: some services read no further
  Credential credential;            // anonymous, basic or identity_token
  Duration timeout{30'000};
};

struct Token {
  Secret text;
  Duration lifetime{60'000};
};

// One request to a token service: GET with Basic or nothing, POST with an identity token (Docker's
// token specification). Redirects are followed within its origin, and only without a secret. Throws
// Error(unauthorized) and others by status, with not_before where the service asked for patience.
Token ask_token_service(const TokenQuestion& question, HttpClient& http, const Clock& clock,
                        std::stop_token stop);

// What a token service answered, `expires_in` clamped to [60 s, 24 h]. Throws
// Error(protocol_violation) for anything that could not be a token in a header.
Token parse_token(std::string_view body);

}  // namespace ocisync
