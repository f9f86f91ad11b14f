#pragma once

#include <random>
#include <stop_token>

#include "base/guarded.h"
#include "registry/delivery.h"

namespace ocisync {

// Whether the same request may succeed in a moment.
bool may_pass(const Error& error);

// Carries a request to a registry and brings back the final answer: up to 3 tries (a mirror, which
// has the registry behind it, gets another only where a download got on), a 401 answered, redirects
// followed by hand, patience kept when the registry asked for it. Any status that a retry or a
// login would not change is an answer. Safe from any thread.
class Courier {
 public:
  Courier(const ClientSettings& settings, HttpClient& http, Authenticator& auth,
          CredentialStore& credentials, Environment environment, const Clock& clock, Log& log);

  Answer carry(const Endpoint& endpoint, const Errand& errand, TransferCounts& counts,
               std::stop_token stop);

 private:
  struct Tries {
    unsigned made = 0;  // since the last progress
    unsigned total = 0;
  };

  Error retryable_failure(const Answer& answer, const Errand& errand) const;
  void block_if_asked(const Endpoint& endpoint, Error& failure);
  SteadyTime next_try(const Endpoint& endpoint, const Error& failure, bool progressed,
                      Tries& tries);

  const ClientSettings& settings_;
  HttpClient& http_;
  Authenticator& auth_;
  CredentialStore& credentials_;
  const Clock& clock_;
  RouteBook routes_;
  std::shared_ptr<BlockedRegistries> blocked_;
  FirstContact first_contact_;
  SilentMirrors silent_mirrors_;
  Warnings warnings_;
  Guarded<std::mt19937_64> random_;
};

}  // namespace ocisync
