#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "base/clock.h"
#include "net/retry.h"
#include "oci/manifest.h"
#include "registry/courier.h"

namespace ocisync {

// Pushes to one repository of one registry (OCI distribution specification, section 3): the blobs
// that the registry lacks, each in one piece, then the manifest under its tag. What the registry
// did is asked for where its answer does not tell: a time-out or a 5xx after the last byte, a tag
// that may not be changed. An upload that was cut begins anew; up to 3 tries a blob, and as many
// for the manifest. One thread; what it is given outlives it.
class Pusher {
 public:
  // What the tag stands for now; absent: it does not exist, or this is not to be known.
  using Standing = std::function<std::optional<Digest>()>;

  Pusher(Courier& courier, const Endpoint& endpoint, Standing standing, const Clock& clock,
         Random random, TransferCounts& counts, std::stop_token stop);

  // Throws Error(policy_refused) when the tag exists and the registry will not have it changed, or
  // wants the upload somewhere it must not go; (protocol_violation) when it claims to have stored
  // something else; and by status what answer_error says.
  PushedArtifact push(const PushArtifact& artifact, const std::string& tag);

 private:
  enum class Manifest { stored, lacks_blobs };

  void ensure_blobs(const PushArtifact& artifact, PushedArtifact& result, bool ask);
  bool has(const PushBlob& blob);
  void upload(const PushBlob& blob);
  Url begin_upload(const PushBlob& blob);
  Manifest put_manifest(const PushArtifact& artifact, const Digest& digest, const std::string& tag);
  Manifest judge_refusal(const Answer& answer, const Errand& errand, const Digest& digest);
  Errand errand(Method method, Url url, std::string what, bool once);
  void persist(const std::function<void(bool again)>& act);

  Courier& courier_;
  const Endpoint& endpoint_;
  Standing standing_;
  const Clock& clock_;
  Random random_;
  TransferCounts& counts_;
  std::stop_token stop_;
  std::optional<SteadyTime> not_before_;  // of the next request
};

}  // namespace ocisync
