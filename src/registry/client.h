#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/environment.h"
#include "base/error.h"
#include "base/log.h"
#include "net/http.h"
#include "net/retry.h"
#include "oci/manifest.h"
#include "oci/reference.h"
#include "registry/authenticator.h"
#include "registry/credentials.h"
#include "spec/spec.h"

namespace ocisync {

class Repositories;

// A manifest as served: its bytes, and the digest they hash to.
struct FetchedManifest {
  std::string bytes;
  std::string media_type;  // the Content-Type without parameters; empty when none
  Digest digest;
};

// Where a blob's bytes go; offset() says how many are there already (a resumed transfer asks for
// the rest), restart() forgets them. BlobWriter fits.
struct BlobTarget {
  Sink& sink;
  std::function<std::uint64_t()> offset;
  std::function<void()> restart;
};

// A blob to be pushed, and where its bytes come from whenever they are sent.
struct PushBlob {
  Descriptor descriptor;
  std::function<std::string()> read;
  std::function<void(std::uint64_t)> sent{};  // see HttpRequest
};

// A manifest and all that it leads to. The bytes are sent as they are.
struct PushArtifact {
  std::vector<PushBlob> blobs;
  std::string manifest;
  std::string media_type{media_type::kManifest};
};

struct PushedArtifact {
  Digest digest;                 // of the manifest, as the registry has it now
  std::optional<Digest> before;  // what the tag stood for; equal to `digest`: nothing was sent
  std::vector<Digest> uploaded;  // blobs that the registry had not got
};

// What one caller's requests cost, for the result document. Not shared between threads.
struct TransferCounts {
  std::uint64_t requests = 0;
  std::uint64_t bytes = 0;
};

// Told of every exchange made for a registry, token requests and redirects included: host as
// configured, never a redirect's.
struct Exchange {
  std::string host;
  Method method;
  int status = 0;  // 0: no answer
  Duration duration{0};
  std::uint64_t received = 0;  // of bodies, like:
  std::uint64_t sent = 0;      // without an answer nobody knows how much
  unsigned tried = 1;
};

// What a registry says at its front door, /v2/.
struct FrontDoor {
  Url url;
  std::vector<std::string>
      schemes;                   // of the first challenge that came: "basic", "bearer"; lower case
  std::string realm;             // of its first Bearer challenge
  std::optional<Error> refusal;  // absent: it lets us in
};

// Whether the registry of a reference is spoken to without TLS.
bool speaks_plain_http(const Spec& spec, const Reference& reference);

class BlockedRegistries;

struct ClientSettings {
  Duration timeout{30'000};
  Duration stall_timeout{30'000};
  std::uint64_t manifest_size = 4ULL << 20;
  // Each may be empty; called from any thread.
  std::function<void(const std::string& host)> began;  // an exchange; observe ends it
  std::function<void(const Exchange&)> observe;
  std::function<void(const std::string& host, Reason why)> retried;
  std::function<void(const std::string& host, WallTime until)> blocked;     // Retry-After was given
  std::function<void(const std::string& host, bool successful)> refreshed;  // credentials
  // Who asked for patience, for clients that follow one another; null: this one's own.
  std::shared_ptr<BlockedRegistries> blocked_registries;
};

// The client side of the OCI distribution specification 1.1. Each call is one attempt: a
// request is tried up to 3 times, 401 answered once (and once more with re-read credentials),
// redirects followed by hand with no credentials off-origin, its 429 or 503 with Retry-After blocks
// the registry for everyone until then (calls fail at once with Error::not_before). Mirrors are
// asked first for what a digest names, for tags only where the mirror may resolve, and once; one
// that gave no answer is left alone for a minute. Errors carry the registry's words. Safe from any
// thread.
class RegistryClient {
 public:
  RegistryClient(const Spec& spec, ClientSettings settings, HttpClient& http, Authenticator& auth,
                 CredentialStore& credentials, const Clock& clock, Log& log,
                 Environment environment);
  ~RegistryClient();

  // HEAD of a tag. Absent when the registry answers without a usable digest: fetch the manifest
  // then.
  std::optional<Digest> resolve(const Reference& reference, TransferCounts& counts,
                                std::stop_token stop);

  // GET by digest if the reference has one (verified), else by tag (hashed, and refused when the
  // registry's own Docker-Content-Digest says otherwise).
  FetchedManifest manifest(const Reference& reference, TransferCounts& counts,
                           std::stop_token stop);

  // GET of a blob of that reference's repository into the target, resumed by range when cut. The
  // target checks size and digest; this checks what HTTP says of both.
  void blob(const Reference& reference, const Descriptor& descriptor, const BlobTarget& target,
            TransferCounts& counts, std::stop_token stop);

  // All valid tags of the repository, unsorted; pages followed within bounds and origin.
  std::vector<std::string> tags(const Reference& reference, TransferCounts& counts,
                                std::stop_token stop);

  // Knocks at the registry of a reference, no mirror's, with the credential found for it.
  FrontDoor front_door(const Reference& reference, TransferCounts& counts, std::stop_token stop);

  // Puts an artifact under the reference's tag, at the registry itself (no mirror). Nothing but one
  // HEAD when the tag stands for it already; see pusher.h.
  PushedArtifact push(const Reference& reference, const PushArtifact& artifact,
                      TransferCounts& counts, std::stop_token stop);

  // Asks a registry, host[:port], whether it lets us in with the credential found for it. False: it
  // lets in everybody, so the credential was never looked at. Throws Error(unauthorized) when it is
  // refused.
  bool authenticate(const std::string& registry, TransferCounts& counts, std::stop_token stop);

  // A pass begins. Announces repositories about to be pulled, so that token requests can be shared;
  // what classic repositories listed before is asked for again.
  void expect(const std::vector<Reference>& references);
  // What classic repositories listed before is asked for again.
  void renew_indexes();

  // The other kind of place that charts come from, reached by the same means.
  Repositories& repositories();

  // Which group of charts shares a fate: the registry's configured host.
  std::string registry_key(const Reference& reference) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace ocisync
