#pragma once

#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "net/http.h"
#include "registry/authenticator.h"
#include "registry/blocked_registries.h"
#include "registry/client.h"
#include "registry/credentials.h"
#include "registry/endpoint.h"
#include "registry/first_contact.h"
#include "registry/metered_client.h"
#include "registry/route_book.h"
#include "registry/silent_mirrors.h"
#include "registry/warnings.h"

namespace ocisync {

// One thing wanted from a registry.
struct Errand {
  Method method = Method::get;
  Url url;
  std::string scope;  // what a token has to open
  std::string what;   // "the manifest team/web:1.0", for errors
  Headers headers = {};
  std::uint64_t text_limit = 64 * 1024;
  BodyChooser choose_body = {};
  // Before each request: what depends on how far it came. May be empty, as may those below.
  std::function<void(HttpRequest&)> prepare = {};
  // Judges a final answer; an Error worth a retry leads to one.
  std::function<void(const HttpResponse&)> check = {};
  // Whether enough arrived since the last try to count the tries anew.
  std::function<bool()> progressed = {};
  // One try only: the caller knows better how to begin anew.
  bool once = false;
};

// What came back in the end.
struct Answer {
  HttpResponse response;
  Url url;                      // that answered: the registry's, or where it led
  std::string opened;           // a note for refusals: which credentials were used
  std::vector<Secret> secrets;  // what a server that repeats our request would show
  bool away = false;            // another server than the registry answered
  bool authorised = false;      // the registry asked who we are, and let us in

  int status() const { return response.status(); }
};

// An answer that is none of those hoped for, as an Error.
Error complaint(const Answer& answer, const Errand& errand);

// What all deliveries of a client share.
struct DeliveryContext {
  const ClientSettings& settings;
  Authenticator& auth;
  CredentialStore& credentials;
  RouteBook& routes;
  BlockedRegistries& blocked_registries;
  FirstContact& first_contact;
  SilentMirrors& silent_mirrors;
  Warnings& warnings;
};

// One errand's way, from the first request to the final answer; each attempt is one try. Remembers
// the credential, and whether it was read again. One thread.
class Delivery {
 public:
  // Finds the credential: Error(credentials_invalid) comes from here.
  Delivery(const DeliveryContext& shared, MeteredClient& http, const Endpoint& endpoint,
           const Errand& errand, std::stop_token stop);

  // Throws at once while the registry is not to be asked.
  Answer attempt();

 private:
  Answer send_authorised();
  Answer converse(FirstContact::Turn& turn);
  Answer follow_redirects(const std::optional<Secret>& header);
  HttpResponse send(const Url& url, bool home, const std::optional<Secret>& header);
  HttpRequest request_to(Method method, const Url& url, bool home) const;
  HttpResponse deliver(HttpRequest request, bool home, const std::optional<Secret>& header);
  std::vector<Challenge> challenges(const Answer& answer);
  std::vector<Secret> secrets_of(const std::optional<Secret>& header) const;
  bool read_again();
  template <typename Act>
  auto with_second_chance(Act act) -> decltype(act());
  std::string credential_note() const;

  const DeliveryContext shared_;
  MeteredClient& http_;
  const Endpoint& endpoint_;
  const Errand& errand_;
  std::stop_token stop_;
  AuthContext context_;
  bool read_again_ = false;
  bool heard_ = false;  // the registry has begun to answer
};

}  // namespace ocisync
