#include "registry/authenticator.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/error.h"
#include "base/guarded.h"
#include "base/text.h"
#include "registry/realm.h"
#include "registry/token_cache.h"
#include "registry/token_service.h"

namespace ocisync {
namespace {

using Kind = Credential::Kind;

// A header, sent as a whole, stays under the 8 KiB that many servers allow.
constexpr std::size_t kLongestSharedToken = 6'000;
constexpr std::size_t kLongestScopes = 6'000;  // of one request, percent-encoded
constexpr std::size_t kMostScopes = 50;

Secret basic_header(const Credential& credential) {
  return Secret("Basic " + base64_encode(credential.username + ":" + credential.secret.reveal()));
}

Secret bearer_header(const Secret& token) { return Secret("Bearer " + token.reveal()); }

const Challenge* find_scheme(const std::vector<Challenge>& challenges, std::string_view scheme) {
  const auto found = std::find_if(challenges.begin(), challenges.end(),
                                  [&](const Challenge& each) { return each.scheme == scheme; });
  return found == challenges.end() ? nullptr : &*found;
}

// "repository:team/web" of "repository:team/web:pull". The name may hold a colon, actions cannot.
std::string_view resource(std::string_view scope) { return scope.substr(0, scope.rfind(':')); }

// What to ask the service for when `scope` is needed. The registry knows better what it calls its
// repositories; but where it names the same one we ask for no more than we need.
std::string scope_to_ask(const Challenge& challenge, const std::string& scope) {
  const std::string* wanted = challenge.find("scope");
  if (!wanted || trim(*wanted).empty())
    return scope;
  for (const std::string_view part : split(*wanted, ' '))
    if (resource(part) == resource(scope))
      return scope;
  return std::string(trim(*wanted));
}

std::string schemes_of(const std::vector<Challenge>& challenges) {
  std::string names;
  for (const Challenge& challenge : challenges)
    names += (names.empty() ? "" : ", ") + printable(challenge.scheme, 40);
  return names.empty() ? "none" : names;
}

Error refused(const AuthContext& context, std::string_view why) {
  return Error(Reason::unauthorized,
               fmt::format("{} {}: not found or not authorised", context.origin.authority(), why))
      .http_status(401);
}

// A service that will not give tokens for several repositories at once says so in many ways.
bool may_be_about_scopes(const Error& error) {
  const int status = error.http_status();
  return status >= 400 && status < 500 && status != 408 && status != 429;
}

}  // namespace

struct Authenticator::State {
  State(HttpClient& client, const Clock& time) : http(client), clock(time), tokens(time) {}

  // How an origin wants to be answered, as its last challenge said.
  struct Manner {
    bool basic = false;
    std::string realm, service;
    std::string wide_scope;  // the one scope that this origin asks for whatever is wanted
    std::map<std::string, std::string> renamed;  // our scope, and what the origin calls it
  };

  // The same for one scope.
  struct Approach {
    bool basic;
    std::string realm, service, scope;
  };

  Approach learn(const Origin& origin, const std::string& scope, const Challenge& challenge);
  void forget(const Origin& origin);
  std::optional<Approach> approach(const Origin& origin, const std::string& scope) const;
  static Approach approach_of(const Manner& manner, const std::string& scope);
  Secret bearer(const AuthContext& context, const Approach& approach, std::stop_token stop);
  Token ask(const AuthContext& context, const Approach& approach, const TokenCache::Turn& turn,
            std::stop_token stop);

  HttpClient& http;
  const Clock& clock;
  TokenCache tokens;
  Guarded<std::map<Origin, Manner>> manners;
};

Authenticator::State::Approach Authenticator::State::approach_of(const Manner& manner,
                                                                 const std::string& scope) {
  const auto renamed = manner.renamed.find(scope);
  const std::string& ask = renamed != manner.renamed.end() ? renamed->second
                           : manner.wide_scope.empty()     ? scope
                                                           : manner.wide_scope;
  return {manner.basic, manner.realm, manner.service, ask};
}

Authenticator::State::Approach Authenticator::State::learn(const Origin& origin,
                                                           const std::string& scope,
                                                           const Challenge& challenge) {
  const auto value = [&](std::string_view name) {
    const std::string* given = challenge.find(name);
    return given ? *given : std::string();
  };
  return manners.with([&](auto& known) {
    Manner& manner = known[origin];
    manner.basic = challenge.scheme == "basic";
    manner.realm = value("realm");
    manner.service = value("service");
    const std::string ask = scope_to_ask(challenge, scope);
    manner.wide_scope = ask.starts_with("repository") ? "" : ask;
    manner.renamed.erase(scope);
    if (ask != scope && manner.wide_scope.empty())
      manner.renamed[scope] = ask;
    return approach_of(manner, scope);
  });
}

void Authenticator::State::forget(const Origin& origin) {
  manners.with([&](auto& known) { known.erase(origin); });
}

std::optional<Authenticator::State::Approach> Authenticator::State::approach(
    const Origin& origin, const std::string& scope) const {
  return manners.with([&](const auto& known) -> std::optional<Approach> {
    const auto found = known.find(origin);
    if (found == known.end())
      return std::nullopt;
    return approach_of(found->second, scope);
  });
}

// Asks for everything in the turn, and for what is needed alone when that is not to be had.
Token Authenticator::State::ask(const AuthContext& context, const Approach& approach,
                                const TokenCache::Turn& turn, std::stop_token stop) {
  TokenQuestion question{check_realm(approach.realm, context),
                         approach.service,
                         {},
                         context.credential,
                         context.timeout};
  HttpClient& sender = context.sender ? *context.sender : http;
  const auto ask_for = [&](const std::vector<std::string>& scopes) {
    question.scopes.clear();
    for (const std::string& scope : scopes)
      for (const std::string_view part : split(scope, ' '))
        question.scopes.emplace_back(part);
    return ask_token_service(question, sender, clock, stop);
  };
  if (turn.scopes().size() > 1) {
    try {
      Token token = ask_for(turn.scopes());
      if (token.text.reveal().size() <= kLongestSharedToken)
        return token;
    } catch (const Error& error) {
      if (!may_be_about_scopes(error))
        throw;
    }
    turn.one_at_a_time();
  }
  return ask_for({turn.needed()});
}

Secret Authenticator::State::bearer(const AuthContext& context, const Approach& approach,
                                    std::stop_token stop) {
  const TokenCache::Key key{context.origin, approach.realm, approach.service,
                            context.credential.fingerprint()};
  const auto fetch = [&](const TokenCache::Turn& turn) {
    return ask(context, approach, turn, stop);
  };
  return bearer_header(tokens.get(key, approach.scope, {kMostScopes, kLongestScopes}, stop, fetch));
}

Authenticator::Authenticator(HttpClient& http, const Clock& clock)
    : state_(std::make_unique<State>(http, clock)) {}

Authenticator::~Authenticator() = default;

void Authenticator::expect_scopes(const Origin& origin, const std::vector<std::string>& scopes) {
  state_->tokens.expect(origin, scopes);
}

std::optional<Secret> Authenticator::anticipate(const AuthContext& context,
                                                const std::string& scope, std::stop_token stop) {
  const auto approach = state_->approach(context.origin, scope);
  if (!approach)
    return std::nullopt;
  const Credential& credential = context.credential;
  if (approach->basic)
    return credential.kind == Kind::basic ? std::optional(basic_header(credential)) : std::nullopt;
  if (credential.kind == Kind::bearer)
    return bearer_header(credential.secret);
  if (approach->realm.empty())
    return std::nullopt;
  try {
    return state_->bearer(context, *approach, stop);
  } catch (const Error&) {
    // The service may have moved: only a new challenge can tell, so the next request goes without.
    state_->forget(context.origin);
    throw;
  }
}

Secret Authenticator::answer(const AuthContext& context, const std::string& scope,
                             const std::vector<Challenge>& challenges,
                             const std::optional<Secret>& refused_header, std::stop_token stop) {
  const Credential& credential = context.credential;
  const Challenge* bearer = find_scheme(challenges, "bearer");
  const Challenge* basic = find_scheme(challenges, "basic");
  const auto unless_refused = [&](Secret header) {
    if (refused_header == header)
      throw refused(context, "refused the credentials");
    return header;
  };
  if (bearer && credential.kind == Kind::bearer) {
    state_->learn(context.origin, scope, *bearer);
    return unless_refused(bearer_header(credential.secret));
  }
  if (bearer && bearer->find("realm")) {
    check_realm(*bearer->find("realm"), context);  // what is refused is not remembered either
    const auto approach = state_->learn(context.origin, scope, *bearer);
    const std::string* error = bearer->find("error");
    if (refused_header)
      state_->tokens.refuse(*refused_header, approach.scope, !error || *error != "invalid_token");
    return state_->bearer(context, approach, stop);
  }
  if (basic && credential.kind == Kind::basic) {
    state_->learn(context.origin, scope, *basic);
    return unless_refused(basic_header(credential));
  }
  if (basic && credential.kind == Kind::anonymous)
    throw refused(context, "wants a user name and a password");
  throw refused(context, fmt::format("wants authentication (schemes: {}) that these credentials do "
                                     "not fit",
                                     schemes_of(challenges)));
}

}  // namespace ocisync
