#include "registry/courier.h"

#include <algorithm>

#include "base/error.h"
#include "net/retry.h"

namespace ocisync {
namespace {

constexpr unsigned kTriesInARow = 3;
constexpr unsigned kTriesInAll = 20;  // of a body that keeps coming in pieces

}  // namespace

bool may_pass(const Error& error) {
  return error.reason() == Reason::unavailable || error.reason() == Reason::timed_out ||
         error.reason() == Reason::rate_limited;
}

Courier::Courier(const ClientSettings& settings, HttpClient& http, Authenticator& auth,
                 CredentialStore& credentials, Environment environment, const Clock& clock,
                 Log& log)
    : settings_(settings),
      http_(http),
      auth_(auth),
      credentials_(credentials),
      clock_(clock),
      routes_(std::move(environment), credentials, clock),
      blocked_(settings.blocked_registries ? settings.blocked_registries
                                           : std::make_shared<BlockedRegistries>(clock)),
      silent_mirrors_(clock),
      warnings_(log),
      random_(std::mt19937_64(std::random_device{}())) {}

Answer Courier::carry(const Endpoint& endpoint, const Errand& errand, TransferCounts& counts,
                      std::stop_token stop) {
  MeteredClient http(http_, clock_, endpoint.host(), settings_, counts);
  Delivery delivery({settings_, auth_, credentials_, routes_, *blocked_, first_contact_,
                     silent_mirrors_, warnings_},
                    http, endpoint, errand, stop);
  Tries tries;
  std::optional<SteadyTime> not_before;
  bool silence = false;
  while (true) {
    http.begin_try(tries.total + 1, not_before, silence);
    bool away = false;
    try {
      Answer answer = delivery.attempt();
      away = answer.away;
      if (retryable_status(answer.status()))
        throw retryable_failure(answer, errand);
      if (errand.check)
        errand.check(answer.response);
      return answer;
    } catch (Error& error) {
      if (!may_pass(error))
        throw;
      if (!away)  // what another server asks for holds for this errand alone
        block_if_asked(endpoint, error);
      const bool progressed = errand.progressed && errand.progressed();
      if (errand.once || (!endpoint.mirrored.empty() && !progressed))
        throw;
      silence = error.reason() == Reason::timed_out;
      not_before = next_try(endpoint, error, progressed, tries);
    }
  }
}

// A status that may pass, with the moment that the server named for it.
Error Courier::retryable_failure(const Answer& answer, const Errand& errand) const {
  Error error = complaint(answer, errand);
  const std::string* after = answer.response.headers().find("Retry-After");
  if (const auto wait = after ? retry_after(*after, clock_.wall()) : std::nullopt)
    error.not_before(clock_.steady() + *wait);
  return error;
}

// Nobody asks the registry any more while it, or its token service, wants to be left alone.
void Courier::block_if_asked(const Endpoint& endpoint, Error& failure) {
  if (!failure.not_before())
    return;
  blocked_->block(endpoint.base.origin(), *failure.not_before(), failure.reason());
  if (settings_.blocked)
    settings_.blocked(endpoint.host(), blocked_->wall(*failure.not_before()));
}

// When to try again. Rethrows the failure when that is of no use now.
SteadyTime Courier::next_try(const Endpoint& endpoint, const Error& failure, bool progressed,
                             Tries& tries) {
  if (progressed)
    tries.made = 0;
  ++tries.made;
  ++tries.total;
  const SteadyTime now = clock_.steady();
  const bool far =
      failure.not_before() && *failure.not_before() - now > BlockedRegistries::kShortWait;
  if (far || tries.made >= kTriesInARow || tries.total >= kTriesInAll)
    throw Error(failure);
  if (settings_.retried)
    settings_.retried(endpoint.host(), failure.reason());
  const Duration pause = request_backoff(tries.made, [&] {
    return random_.with(
        [](auto& engine) { return std::uniform_real_distribution<double>(0.0, 1.0)(engine); });
  });
  return std::max(now + pause, failure.not_before().value_or(now));
}

}  // namespace ocisync
