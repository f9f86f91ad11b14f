#include "registry/pusher.h"

#include <algorithm>
#include <array>
#include <utility>

#include <fmt/format.h>

#include "base/text.h"
#include "registry/redirect.h"

namespace ocisync {
namespace {

constexpr unsigned kUploadTries = 3;

std::optional<Digest> digest_header(const Answer& answer) {
  const std::string* header = answer.response.headers().find("Docker-Content-Digest");
  return header ? Digest::try_parse(trim(*header)) : std::nullopt;
}

void require_digest(const Answer& answer, const Digest& expected, std::string_view what) {
  const auto stored = digest_header(answer);
  if (stored && stored->algorithm() == expected.algorithm() && *stored != expected)
    throw Error(Reason::protocol_violation,
                fmt::format("{} says that it stored {} as {}, which is {}",
                            answer.url.origin().authority(), what, stored->str(), expected.str()));
}

bool says_one_of(const Answer& answer, std::initializer_list<std::string_view> words) {
  const std::string text = lower(answer.response.text);
  return std::any_of(words.begin(), words.end(),
                     [&](std::string_view word) { return text.find(word) != std::string::npos; });
}

// The registry has not got (or not yet got) a blob that the manifest names.
bool misses_a_blob(const Answer& answer) {
  return (answer.status() == 400 || answer.status() == 404) &&
         says_one_of(answer, {"manifest_blob_unknown", "blob_unknown", "blob unknown"});
}

// Registries that keep a tag as it is have many ways to say so.
bool may_be_about_the_tag(const Answer& answer) {
  const int status = answer.status();
  if (status == 409 || status == 412)
    return true;
  return (status == 400 || status == 403 || status == 405) &&
         says_one_of(answer, {"immutab", "already exist", "overwrit", "tag_invalid"});
}

Error fixed_tag(const Answer& answer, const Errand& errand, const Digest& there) {
  return Error(Reason::policy_refused,
               fmt::format("{}; the tag stands for {} and may not be changed",
                           complaint(answer, errand).message(), there.str()))
      .http_status(answer.status())
      .hint("push under another version, or let the registry move this tag");
}

}  // namespace

Pusher::Pusher(Courier& courier, const Endpoint& endpoint, Standing standing, const Clock& clock,
               Random random, TransferCounts& counts, std::stop_token stop)
    : courier_(courier),
      endpoint_(endpoint),
      standing_(std::move(standing)),
      clock_(clock),
      random_(std::move(random)),
      counts_(counts),
      stop_(std::move(stop)) {}

PushedArtifact Pusher::push(const PushArtifact& artifact, const std::string& tag) {
  PushedArtifact result{Digest::of(artifact.manifest), standing_(), {}};
  if (result.before == result.digest)
    return result;
  ensure_blobs(artifact, result, true);
  if (put_manifest(artifact, result.digest, tag) == Manifest::stored)
    return result;
  // What it said to have, it has not: then it gets all of it.
  ensure_blobs(artifact, result, false);
  if (put_manifest(artifact, result.digest, tag) == Manifest::lacks_blobs)
    throw Error(Reason::protocol_violation,
                fmt::format("{} took every blob of {}, and says that it lacks one",
                            endpoint_.host(), endpoint_.reference.repository()));
  return result;
}

void Pusher::ensure_blobs(const PushArtifact& artifact, PushedArtifact& result, bool ask) {
  for (const PushBlob& blob : artifact.blobs)
    persist([&](bool again) {
      const bool there = (ask || again) && has(blob);
      if (!there)
        upload(blob);
      if (!there || again)  // what the last try lost was its answer
        result.uploaded.push_back(blob.descriptor.digest);
    });
}

// Some credentials may write what they may not read: no clear yes is a no.
bool Pusher::has(const PushBlob& blob) {
  const std::string digest = blob.descriptor.digest.str();
  return courier_
             .carry(
                 endpoint_,
                 errand(Method::head, endpoint_.url("blobs", digest), "the blob " + digest, false),
                 counts_, stop_)
             .status() == 200;
}

// Where the registry wants the bytes. That may be another server, which gets none of our
// credentials then, and the address with all that its query says is used as it is.
Url Pusher::begin_upload(const PushBlob& blob) {
  Url url = endpoint_.url("blobs", "uploads/");
  if (blob.descriptor.digest.algorithm() != DigestAlgorithm::sha256)
    url = url.with_query("digest-algorithm", blob.descriptor.digest.algorithm_name());
  const Errand post = errand(Method::post, std::move(url),
                             "an upload to " + endpoint_.reference.repository(), true);
  const Answer answer = courier_.carry(endpoint_, post, counts_, stop_);
  if (answer.status() != 202)
    throw complaint(answer, post);
  return redirect_target(answer.response, answer.url, endpoint_, "sends uploads");
}

void Pusher::upload(const PushBlob& blob) {
  const Digest& digest = blob.descriptor.digest;
  Errand put = errand(
      Method::put, begin_upload(blob).with_query("digest", digest.str()),
      fmt::format("the upload of {} ({})", digest.str(), human_size(blob.descriptor.size)), true);
  put.prepare = [&](HttpRequest& request) {
    request.body = blob.read();
    request.sent = blob.sent;
    request.headers.add("Content-Type", "application/octet-stream");
  };
  const Answer answer = courier_.carry(endpoint_, put, counts_, stop_);
  switch (answer.status()) {
    case 200:
    case 201:
    case 204:
      require_digest(answer, digest, "the blob");
      return;
    case 202:  // taken, but is it there?
      if (has(blob))
        return;
      break;
    case 404:
    case 416:  // the upload is not known any more: another one may do
      throw Error(Reason::unavailable, complaint(answer, put).message())
          .http_status(answer.status());
    default:
      break;
  }
  throw complaint(answer, put);
}

Pusher::Manifest Pusher::put_manifest(const PushArtifact& artifact, const Digest& digest,
                                      const std::string& tag) {
  Errand put = errand(
      Method::put, endpoint_.url("manifests", tag),
      fmt::format("the push of the manifest {}:{}", endpoint_.reference.repository(), tag), true);
  put.prepare = [&](HttpRequest& request) {
    request.not_before = std::max(request.not_before, not_before_);
    request.body = artifact.manifest;
    request.headers.add("Content-Type", artifact.media_type);
  };
  Manifest outcome = Manifest::stored;
  persist([&](bool again) {
    if (again && standing_() == digest)
      return;
    const Answer answer = courier_.carry(endpoint_, put, counts_, stop_);
    if (answer.status() >= 200 && answer.status() < 300)
      require_digest(answer, digest, "the manifest");
    else
      outcome = judge_refusal(answer, put, digest);
  });
  return outcome;
}

Pusher::Manifest Pusher::judge_refusal(const Answer& answer, const Errand& errand,
                                       const Digest& digest) {
  if (misses_a_blob(answer))
    return Manifest::lacks_blobs;
  if (may_be_about_the_tag(answer))
    if (const auto there = standing_()) {
      if (*there == digest)
        return Manifest::stored;
      throw fixed_tag(answer, errand, *there);
    }
  throw complaint(answer, errand);
}

Errand Pusher::errand(Method method, Url url, std::string what, bool once) {
  Errand errand{
      .method = method, .url = std::move(url), .scope = endpoint_.scope(), .what = std::move(what)};
  errand.once = once;
  errand.prepare = [this](HttpRequest& request) {
    request.not_before = std::max(request.not_before, not_before_);
  };
  return errand;
}

// Runs `act`, again from its beginning while its failure may pass. The pause is spent in the
// queue of the next request.
void Pusher::persist(const std::function<void(bool again)>& act) {
  not_before_.reset();
  for (unsigned tried = 1;; ++tried) {
    try {
      return act(tried > 1);
    } catch (const Error& error) {
      const SteadyTime now = clock_.steady();
      const bool far =
          error.not_before() && *error.not_before() - now > BlockedRegistries::kShortWait;
      if (!may_pass(error) || far || tried == kUploadTries)
        throw;
      not_before_ =
          std::max(now + request_backoff(tried, random_), error.not_before().value_or(now));
    }
  }
}

}  // namespace ocisync
