#include "registry/client.h"

#include <map>
#include <random>

#include <fmt/format.h>

#include "base/error.h"
#include "base/text.h"
#include "registry/blob_transfer.h"
#include "registry/courier.h"
#include "registry/endpoint.h"
#include "registry/error_answer.h"
#include "registry/pusher.h"
#include "registry/repositories.h"
#include "registry/tag_list.h"

namespace ocisync {
namespace {

constexpr std::uint64_t kMaxTagPage = 4 << 20;
constexpr std::string_view kTagsPerPage = "1000";

// A registry answers 404 for a type that is not listed, so all of them are, in one header.
Headers accept_manifests() {
  Headers headers;
  headers.add("Accept", fmt::format("{}, {}, {}, {}", media_type::kManifest, media_type::kIndex,
                                    media_type::kDockerManifest, media_type::kDockerList));
  return headers;
}

std::string content_type(const HttpResponse& response) {
  const std::string* header = response.headers().find("Content-Type");
  return header ? lower(trim(std::string_view(*header).substr(0, header->find(';')))) : "";
}

std::optional<Digest> announced_digest(const HttpResponse& response) {
  const std::string* header = response.headers().find("Docker-Content-Digest");
  return header ? Digest::try_parse(trim(*header)) : std::nullopt;
}

Digest hash(std::string_view bytes, DigestAlgorithm algorithm) {
  Hasher hasher(algorithm);
  hasher.update(as_bytes(bytes));
  return hasher.finish();
}

std::string tag_or_latest(const Reference& reference) { return reference.tag().value_or("latest"); }

// What goes on the path: the digest decides when there is one.
std::string manifest_name(const Reference& reference) {
  return reference.digest() ? reference.digest()->str() : tag_or_latest(reference);
}

Errand manifest_errand(const Endpoint& endpoint, Method method, const std::string& name) {
  const bool by_digest = name.find(':') != std::string::npos;
  return {method, endpoint.url("manifests", name), endpoint.scope(),
          fmt::format("the manifest {}{}{}", endpoint.reference.repository(), by_digest ? "@" : ":",
                      name),
          accept_manifests()};
}

// Bytes are those that the digest names; what a tag gives must at least be what the header says.
FetchedManifest checked(Answer answer, const std::optional<Digest>& wanted) {
  HttpResponse& response = answer.response;
  if (!wanted && is_web_page(response))
    throw not_a_registry_answer(response, answer.url, "");
  const auto algorithm = wanted ? wanted->algorithm() : DigestAlgorithm::sha256;
  const Digest digest = hash(response.text, algorithm);
  const auto promised = wanted ? wanted : announced_digest(response);
  if (promised && promised->algorithm() == algorithm && *promised != digest)
    throw Error(Reason::digest_mismatch,
                fmt::format("{} serves {} as the manifest {}", answer.url.origin().authority(),
                            digest.str(), promised->str()));
  return {std::move(response.text), content_type(response), digest};
}

}  // namespace

struct RegistryClient::State {
  State(const Spec& wanted, ClientSettings given, HttpClient& http, Authenticator& authenticator,
        CredentialStore& credentials, const Clock& time, Log& notes, Environment environment)
      : spec(wanted),
        settings(std::move(given)),
        auth(authenticator),
        log(notes),
        clock(time),
        courier(settings, http, authenticator, credentials, std::move(environment), time, notes),
        repositories(wanted, courier, notes) {}

  // Asks one after the other until one has an answer; the last one's failure is the failure.
  template <typename Ask>
  auto first_answer(const std::vector<Endpoint>& where, Ask ask) -> decltype(ask(where.front()));

  std::optional<Digest> resolve(const Endpoint& endpoint, const std::string& tag,
                                TransferCounts& counts, std::stop_token stop);
  std::optional<Digest> standing(const Endpoint& endpoint, const std::string& tag,
                                 TransferCounts& counts, std::stop_token stop);
  FetchedManifest manifest(const Endpoint& endpoint, const Reference& reference,
                           TransferCounts& counts, std::stop_token stop);
  void blob(const Endpoint& endpoint, const Descriptor& descriptor, const BlobTarget& target,
            TransferCounts& counts, std::stop_token stop);
  std::vector<std::string> tags(const Endpoint& endpoint, TransferCounts& counts,
                                std::stop_token stop);

  const Spec& spec;
  ClientSettings settings;
  Authenticator& auth;
  Log& log;
  const Clock& clock;
  Courier courier;
  Repositories repositories;
};

template <typename Ask>
auto RegistryClient::State::first_answer(const std::vector<Endpoint>& where, Ask ask)
    -> decltype(ask(where.front())) {
  for (std::size_t i = 0; i + 1 < where.size(); ++i) {
    try {
      return ask(where[i]);
    } catch (const Error& error) {
      // Only what came over the wire is the mirror's fault.
      if (error.reason() == Reason::cancelled || error.reason() == Reason::disk_full ||
          error.reason() == Reason::storage_failed)
        throw;
      log.debug("MirrorFailed", error.what(), {{"host", where[i].host()}});
    }
  }
  return ask(where.back());
}

FetchedManifest RegistryClient::State::manifest(const Endpoint& endpoint,
                                                const Reference& reference, TransferCounts& counts,
                                                std::stop_token stop) {
  Errand errand = manifest_errand(endpoint, Method::get, manifest_name(reference));
  std::optional<CappedBuffer> body;
  errand.choose_body = [&](const ResponseHead& head) -> Sink* {
    if (head.status != 200)
      return nullptr;
    return &body.emplace(settings.manifest_size, errand.what);
  };
  Answer answer = courier.carry(endpoint, errand, counts, stop);
  if (answer.status() != 200)
    throw complaint(answer, errand);
  if (body)
    answer.response.text = body->take();
  return checked(std::move(answer), reference.digest());
}

std::optional<Digest> RegistryClient::State::resolve(const Endpoint& endpoint,
                                                     const std::string& tag, TransferCounts& counts,
                                                     std::stop_token stop) {
  const Errand head = manifest_errand(endpoint, Method::head, tag);
  const Answer answer = courier.carry(endpoint, head, counts, stop);
  if (answer.status() == 200)
    return announced_digest(answer.response);
  if (answer.status() == 405)
    return std::nullopt;
  if (answer.status() != 400 && answer.status() != 403)
    throw complaint(answer, head);
  // A HEAD has no body to explain a refusal, and a signed address may be good for a GET only.
  return manifest(endpoint, endpoint.reference.with_tag(tag), counts, stop).digest;
}

// As resolve(), for who is about to push: to know no answer is no failure there.
std::optional<Digest> RegistryClient::State::standing(const Endpoint& endpoint,
                                                      const std::string& tag,
                                                      TransferCounts& counts,
                                                      std::stop_token stop) {
  try {
    if (const auto digest = resolve(endpoint, tag, counts, stop))
      return digest;
    return manifest(endpoint, endpoint.reference.with_tag(tag), counts, stop).digest;
  } catch (const Error& error) {
    if (error.reason() != Reason::not_found && error.http_status() != 403)
      throw;
    return std::nullopt;
  }
}

void RegistryClient::State::blob(const Endpoint& endpoint, const Descriptor& descriptor,
                                 const BlobTarget& target, TransferCounts& counts,
                                 std::stop_token stop) {
  BlobTransfer transfer(descriptor, target, !endpoint.mirrored.empty());
  if (transfer.complete())
    return;
  Errand errand{
      Method::get, endpoint.url("blobs", descriptor.digest.str()), endpoint.scope(),
      fmt::format("the blob {}@{}", endpoint.reference.repository(), descriptor.digest.str())};
  errand.prepare = [&](HttpRequest& request) { transfer.prepare(request); };
  errand.choose_body = [&](const ResponseHead& head) { return transfer.begin(head); };
  errand.check = [&](const HttpResponse& response) { transfer.check(response); };
  errand.progressed = [&] { return transfer.progressed(); };
  const auto describe = [&] { return "fetching " + errand.what; };
  const Answer answer =
      during(describe, [&] { return courier.carry(endpoint, errand, counts, stop); });
  if (answer.status() != 200 && answer.status() != 206)
    throw complaint(answer, errand);
}

std::vector<std::string> RegistryClient::State::tags(const Endpoint& endpoint,
                                                     TransferCounts& counts, std::stop_token stop) {
  const Url plain = endpoint.url("tags", "list");
  Errand errand{Method::get, plain.with_query("n", kTagsPerPage), endpoint.scope(),
                "the tags of " + endpoint.reference.repository()};
  errand.text_limit = kMaxTagPage;
  Answer answer = courier.carry(endpoint, errand, counts, stop);
  if (answer.status() == 400 || answer.status() == 405) {
    errand.url = plain;  // some registries will not be told how many
    answer = courier.carry(endpoint, errand, counts, stop);
  }
  TagList list;
  while (true) {
    if (answer.status() != 200)
      throw complaint(answer, errand);
    const auto next = list.add(answer.response, errand.url);
    if (!next)
      return list.take();
    errand.url = *next;
    answer = courier.carry(endpoint, errand, counts, stop);
  }
}

RegistryClient::RegistryClient(const Spec& spec, ClientSettings settings, HttpClient& http,
                               Authenticator& auth, CredentialStore& credentials,
                               const Clock& clock, Log& log, Environment environment)
    : state_(std::make_unique<State>(spec, std::move(settings), http, auth, credentials, clock, log,
                                     std::move(environment))) {}

RegistryClient::~RegistryClient() = default;

std::optional<Digest> RegistryClient::resolve(const Reference& reference, TransferCounts& counts,
                                              std::stop_token stop) {
  const std::string tag = tag_or_latest(reference);
  return state_->first_answer(
      endpoints(state_->spec, reference, Lookup::by_tag),
      [&](const Endpoint& endpoint) { return state_->resolve(endpoint, tag, counts, stop); });
}

FetchedManifest RegistryClient::manifest(const Reference& reference, TransferCounts& counts,
                                         std::stop_token stop) {
  const auto lookup = reference.digest() ? Lookup::by_digest : Lookup::by_tag;
  return state_->first_answer(endpoints(state_->spec, reference, lookup),
                              [&](const Endpoint& endpoint) {
                                return state_->manifest(endpoint, reference, counts, stop);
                              });
}

void RegistryClient::blob(const Reference& reference, const Descriptor& descriptor,
                          const BlobTarget& target, TransferCounts& counts, std::stop_token stop) {
  bool first = true;
  state_->first_answer(endpoints(state_->spec, reference, Lookup::by_digest),
                       [&](const Endpoint& endpoint) {
                         // What a failed mirror left may be the reason why it failed.
                         if (!std::exchange(first, false) && target.offset() > 0)
                           target.restart();
                         state_->blob(endpoint, descriptor, target, counts, stop);
                       });
}

std::vector<std::string> RegistryClient::tags(const Reference& reference, TransferCounts& counts,
                                              std::stop_token stop) {
  return state_->first_answer(
      endpoints(state_->spec, reference, Lookup::by_tag),
      [&](const Endpoint& endpoint) { return state_->tags(endpoint, counts, stop); });
}

bool speaks_plain_http(const Spec& spec, const Reference& reference) {
  return Endpoint(spec, reference).plain_http;
}

FrontDoor RegistryClient::front_door(const Reference& reference, TransferCounts& counts,
                                     std::stop_token stop) {
  const Endpoint endpoint(state_->spec, reference);
  FrontDoor door{.url = *endpoint.front_door, .schemes = {}, .realm = {}, .refusal = {}};
  Errand errand{Method::get, door.url, "", "its front door"};
  errand.choose_body = [&](const ResponseHead& head) -> Sink* {
    if (head.status != 401 || !door.schemes.empty())
      return nullptr;
    for (const Challenge& challenge : parse_challenges(head.headers.all("WWW-Authenticate"))) {
      door.schemes.push_back(challenge.scheme);
      if (const std::string* realm = challenge.find("realm"); realm && challenge.scheme == "bearer")
        door.realm = *realm;
    }
    return nullptr;
  };
  try {
    const Answer answer = state_->courier.carry(endpoint, errand, counts, stop);
    if (answer.status() != 200)
      throw complaint(answer, errand);
    if (is_web_page(answer.response))
      throw not_a_registry_answer(answer.response, answer.url, "");
  } catch (const Error& error) {
    door.refusal = error;
  }
  return door;
}

PushedArtifact RegistryClient::push(const Reference& reference, const PushArtifact& artifact,
                                    TransferCounts& counts, std::stop_token stop) {
  Endpoint endpoint(state_->spec, reference);
  endpoint.pushing = true;
  const std::string tag = tag_or_latest(reference);
  const auto standing = [&] { return state_->standing(endpoint, tag, counts, stop); };
  Random random = [engine = std::mt19937_64(std::random_device{}())]() mutable {
    return std::uniform_real_distribution<double>(0.0, 1.0)(engine);
  };
  Pusher pusher(state_->courier, endpoint, standing, state_->clock, std::move(random), counts,
                stop);
  return during([&] { return "pushing " + reference.str(); },
                [&] { return pusher.push(artifact, tag); });
}

bool RegistryClient::authenticate(const std::string& registry, TransferCounts& counts,
                                  std::stop_token stop) {
  const Endpoint endpoint(state_->spec, somewhere_on(registry));
  Errand errand{.method = Method::get,
                .url = *endpoint.front_door,
                .scope = {},
                .what = "a login (GET /v2/)"};
  const Answer answer = state_->courier.carry(endpoint, errand, counts, stop);
  if (answer.status() != 200)
    throw complaint(answer, errand);
  if (is_web_page(answer.response))
    throw not_a_registry_answer(answer.response, answer.url, "");
  return answer.authorised;
}

void RegistryClient::renew_indexes() { state_->repositories.new_pass(); }

void RegistryClient::expect(const std::vector<Reference>& references) {
  renew_indexes();
  std::map<Origin, std::vector<std::string>> scopes;
  for (const Reference& reference : references)
    for (const Endpoint& endpoint : endpoints(state_->spec, reference, Lookup::by_digest))
      scopes[endpoint.base.origin()].push_back(endpoint.scope());
  for (const auto& [origin, needed] : scopes)
    state_->auth.expect_scopes(origin, needed);
}

Repositories& RegistryClient::repositories() { return state_->repositories; }

std::string RegistryClient::registry_key(const Reference& reference) const {
  return reference.registry();
}

}  // namespace ocisync
