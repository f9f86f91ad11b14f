#include "registry/delivery.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "registry/error_answer.h"
#include "registry/redirect.h"

namespace ocisync {
namespace {

using Whose = RouteBook::Whose;

// Signed addresses lapse while we hold them, and a fresh one may do.
bool storage_may_reconsider(const Answer& answer) {
  return answer.away &&
         (answer.status() == 400 || answer.status() == 403 || answer.status() == 410);
}

bool offers(const std::vector<Challenge>& challenges, std::string_view scheme) {
  return std::any_of(challenges.begin(), challenges.end(),
                     [&](const Challenge& each) { return each.scheme == scheme; });
}

// The same password again would be refused again. A fresh token need not be, nor what the registry
// did not get because it used to ask for something else.
bool another_answer_may_do(const Credential& credential, const Secret& refused,
                           const std::vector<Challenge>& challenges) {
  if (offers(challenges, "bearer"))
    return credential.kind != Credential::Kind::bearer;
  return offers(challenges, "basic") && !refused.reveal().starts_with("Basic ");
}

Whose whose(const Url& url, const Endpoint& endpoint) {
  return url.origin() == endpoint.base.origin() ? Whose::registry : Whose::other;
}

}  // namespace

Error complaint(const Answer& answer, const Errand& errand) {
  Error error = answer_error(answer.response, answer.url, errand.what, answer.secrets);
  if (error.reason() != Reason::unauthorized)
    return error;
  return Error(Reason::unauthorized, error.message() + "; " + answer.opened)
      .http_status(answer.status());
}

Delivery::Delivery(const DeliveryContext& shared, MeteredClient& http, const Endpoint& endpoint,
                   const Errand& errand, std::stop_token stop)
    : shared_(shared), http_(http), endpoint_(endpoint), errand_(errand), stop_(std::move(stop)) {
  context_.origin = endpoint.base.origin();
  context_.route = shared_.routes.route(endpoint.registry, endpoint.base, Whose::registry, stop_);
  context_.route_elsewhere = [this](const Url& url) {
    return shared_.routes.route(endpoint_.registry, url, whose(url, endpoint_), stop_);
  };
  context_.plain_http = endpoint.plain_http;
  context_.realm_addresses = endpoint.elsewhere;
  if (endpoint.registry)
    context_.trusted_realms = endpoint.registry->trusted_realms;
  context_.timeout = shared_.settings.timeout;
  context_.credential = shared_.credentials.find(endpoint.reference, endpoint.registry,
                                                 CredentialStore::Freshness::cached_is_fine, stop_);
  context_.sender = &http;
}

Answer Delivery::attempt() {
  shared_.blocked_registries.opens_at(context_.origin);  // before a token is asked for
  Answer answer = send_authorised();
  if (errand_.method == Method::get && storage_may_reconsider(answer))
    answer = send_authorised();
  return answer;
}

Answer Delivery::send_authorised() {
  FirstContact::Turn turn = shared_.first_contact.enter(context_.origin, stop_);
  if (endpoint_.mirrored.empty())
    return converse(turn);
  shared_.silent_mirrors.check(context_.origin);  // who was first may just have found out
  heard_ = false;
  try {
    return converse(turn);
  } catch (const Error& error) {
    const bool silence = error.reason() == Reason::timed_out ||
                         (error.reason() == Reason::unavailable && !error.not_before());
    if (silence && !heard_)
      shared_.silent_mirrors.add(context_.origin);
    throw;
  }
}

// The first request goes without a header unless experience says otherwise. A 401 is answered; a
// second one has the credential read again, in case it was rotated, and is answered once more.
Answer Delivery::converse(FirstContact::Turn& turn) {
  std::optional<Secret> header =
      with_second_chance([&] { return shared_.auth.anticipate(context_, errand_.scope, stop_); });
  for (int refusals = header ? 1 : 0;; ++refusals) {
    Answer answer = follow_redirects(header);
    if (answer.status() != 401) {
      turn.met();
      answer.authorised = header.has_value();
      return answer;
    }
    if (answer.away)
      throw Error(
          Reason::unauthorized,
          fmt::format("{} wants credentials for {}, but it is not the registry: none are sent",
                      answer.url.origin().authority(), errand_.what))
          .http_status(401);
    if (refusals == 2)
      throw complaint(answer, errand_);
    const auto asked = challenges(answer);
    if (refusals == 1 && !read_again() &&
        !another_answer_may_do(context_.credential, *header, asked))
      throw complaint(answer, errand_);
    header = with_second_chance([&] {
      return std::optional(shared_.auth.answer(context_, errand_.scope, asked, header, stop_));
    });
    turn.met();
  }
}

// Follows redirects. Once the way has left the registry's origin it never carries the header again,
// not even when it leads back. It may begin elsewhere too: where the registry sent an upload, or
// where an index says an archive lies.
Answer Delivery::follow_redirects(const std::optional<Secret>& header) {
  Url url = errand_.url;
  bool home = url.origin() == context_.origin;
  for (int hop = 0;; ++hop) {
    HttpResponse response = send(url, home, header);
    const bool follow = is_redirect(response.status()) &&
                        (errand_.method == Method::get || errand_.method == Method::head);
    if (!follow)
      return {std::move(response), url, credential_note(), secrets_of(header), !home};
    if (hop == kMaxRedirects)
      throw Error(Reason::policy_refused,
                  fmt::format("{} redirects more than {} times for {}", context_.origin.authority(),
                              kMaxRedirects, errand_.what));
    url = redirect_target(response, url, endpoint_);
    home = home && url.origin() == context_.origin;
  }
}

HttpRequest Delivery::request_to(Method method, const Url& url, bool home) const {
  return {.method = method,
          .url = url,
          .route = shared_.routes.route(endpoint_.registry, url, whose(url, endpoint_), stop_),
          .addresses = home ? AddressPolicy::any : endpoint_.elsewhere,
          .text_limit = errand_.text_limit,
          .timeout = shared_.settings.timeout,
          .stall_timeout = shared_.settings.stall_timeout};
}

HttpResponse Delivery::send(const Url& url, bool home, const std::optional<Secret>& header) {
  HttpRequest request = request_to(errand_.method, url, home);
  request.headers = errand_.headers;
  if (errand_.choose_body)
    request.choose_body = [this, home](const ResponseHead& head) {
      heard_ = heard_ || home;
      return errand_.choose_body(head);
    };
  if (home)
    request.not_before = shared_.blocked_registries.opens_at(context_.origin);
  if (errand_.prepare)
    errand_.prepare(request);
  return deliver(std::move(request), home, header);
}

HttpResponse Delivery::deliver(HttpRequest request, bool home,
                               const std::optional<Secret>& header) {
  if (home && header)
    request.headers.add("Authorization", header->reveal());
  HttpResponse response = http_.send(std::move(request), stop_);
  heard_ = heard_ || home;
  if (home)
    shared_.warnings.hear(endpoint_.host(), response.headers(), secrets_of(header));
  return response;
}

std::vector<Secret> Delivery::secrets_of(const std::optional<Secret>& header) const {
  std::vector<Secret> secrets = secrets_in(context_.credential);
  if (header)
    secrets.emplace_back(header->reveal().substr(header->reveal().find(' ') + 1));
  return secrets;
}

// A bare 401 happens; then the registry's front door tells how it wants to be answered. A classic
// repository has none: Basic is all it knows.
std::vector<Challenge> Delivery::challenges(const Answer& answer) {
  auto found = parse_challenges(answer.response.headers().all("WWW-Authenticate"));
  if (!found.empty())
    return found;
  if (!endpoint_.front_door)
    return {{"basic", {}}};
  HttpRequest request = request_to(Method::get, *endpoint_.front_door, true);
  request.not_before = shared_.blocked_registries.opens_at(context_.origin);
  const HttpResponse ping = deliver(std::move(request), true, std::nullopt);
  return parse_challenges(ping.headers().all("WWW-Authenticate"));
}

// Whether reading the credential again, which is done once, brought another.
bool Delivery::read_again() {
  if (std::exchange(read_again_, true))
    return false;
  const std::string before = context_.credential.fingerprint();
  context_.credential = shared_.credentials.find(endpoint_.reference, endpoint_.registry,
                                                 CredentialStore::Freshness::after_refusal, stop_);
  const bool changed = context_.credential.fingerprint() != before;
  if (shared_.settings.refreshed)
    shared_.settings.refreshed(endpoint_.host(), changed);
  return changed;
}

// A token service refuses as the registry does: a rotated credential deserves another try.
template <typename Act>
auto Delivery::with_second_chance(Act act) -> decltype(act()) {
  try {
    try {
      return act();
    } catch (const Error& error) {
      if (error.reason() != Reason::unauthorized || !read_again())
        throw;
    }
    return act();
  } catch (const Error& error) {
    if (error.reason() != Reason::unauthorized)
      throw;
    throw Error(Reason::unauthorized, fmt::format("{}; {}", error.what(), credential_note()))
        .http_status(error.http_status());
  }
}

std::string Delivery::credential_note() const {
  const Credential& credential = context_.credential;
  if (credential.kind != Credential::Kind::anonymous)
    return fmt::format("credentials from {} were used", credential.source);
  return credential.source == "none"
             ? "no credentials are configured for it"
             : fmt::format("no credentials were sent ({})", credential.source);
}

}  // namespace ocisync
