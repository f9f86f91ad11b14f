#pragma once

#include <map>
#include <mutex>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "base/text.h"
#include "oci/digest.h"
#include "oci/manifest.h"
#include "support/scripted_http.h"

namespace ocisync {

inline std::string percent_decode(std::string_view text) {
  std::string result;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size()) {
      result += static_cast<char>(std::stoi(std::string(text.substr(i + 1, 2)), nullptr, 16));
      i += 2;
    } else {
      result += text[i];
    }
  }
  return result;
}

// All values of a parameter in "a=1&b=2&a=3", a query or a form.
inline std::vector<std::string> parameters(std::string_view query, std::string_view name) {
  std::vector<std::string> values;
  for (const std::string_view part : split(query, '&'))
    if (part.starts_with(std::string(name) + "="))
      values.push_back(percent_decode(part.substr(name.size() + 1)));
  return values;
}

// A registry with its token service, as a script for ScriptedHttp.
class FakeRegistry {
 public:
  enum class Auth { open, basic, bearer };

  Auth auth = Auth::open;
  std::string origin = "https://registry.example.com";
  std::string realm = "https://registry.example.com/token";
  std::string user = "robot", password = "hunter2-hunter2", identity_token = "identity-identity";
  bool anonymous_tokens = true;  // given without credentials too
  bool shares_tokens = true;     // a token opens all scopes asked for; otherwise the first one
  bool refuses_many = false;     // several scopes in one request are an error
  std::string expires_in = "300";
  std::size_t token_requests = 0;

  Digest add_manifest(const std::string& repository, const std::string& tag,
                      const std::string& bytes) {
    const Digest digest = Digest::of(bytes);
    manifests_[repository + ":" + tag] = manifests_[repository + ":" + digest.str()] = bytes;
    return digest;
  }

  Descriptor add_blob(const std::string& repository, const std::string& bytes) {
    const Digest digest = Digest::of(bytes);
    blobs_[repository + ":" + digest.str()] = bytes;
    return {"application/octet-stream", digest, bytes.size(), "", {}};
  }

  void revoke_tokens() {
    const std::lock_guard lock(mutex_);
    tokens_.clear();
  }

  Reply operator()(const ScriptedHttp::Seen& seen) {
    const std::lock_guard lock(mutex_);
    const std::string url = seen.url.origin().str() + seen.url.path();
    if (url == realm)
      return token(seen);
    if (seen.url.origin().str() != origin)
      return {404};
    const std::string path = seen.url.path().substr(std::string_view("/v2/").size());
    if (path.empty())
      return lets_in(seen) ? Reply{200, {}, "{}"} : challenge("", "");
    if (const auto uploads = path.find("/blobs/uploads/"); uploads != std::string::npos) {
      const std::string repository = path.substr(0, uploads);
      const auto refused = refusal(seen, repository);
      return refused ? *refused : upload(seen, repository);
    }
    const auto slash = path.rfind('/'), before = path.rfind('/', slash - 1);
    const std::string repository = path.substr(0, before);
    if (const auto refused = refusal(seen, repository))
      return *refused;
    if (seen.method == Method::put)
      return put_manifest(seen, repository, path.substr(slash + 1));
    const bool manifest = path.substr(before + 1, slash - before - 1) == "manifests";
    return serve(manifest ? manifests_ : blobs_, repository + ":" + path.substr(slash + 1),
                 manifest);
  }

  static std::string scope_of(const std::string& repository) {
    return "repository:" + repository + ":pull";
  }

  void empty() {
    const std::lock_guard lock(mutex_);
    manifests_.clear();
    blobs_.clear();
  }

  bool has_blob(const std::string& repository, const Digest& digest) const {
    const std::lock_guard lock(mutex_);
    return blobs_.contains(repository + ":" + digest.str());
  }

  std::string manifest_at(const std::string& repository, const std::string& tag) const {
    const std::lock_guard lock(mutex_);
    const auto found = manifests_.find(repository + ":" + tag);
    return found == manifests_.end() ? "" : found->second;
  }

  std::string uploads_at = "/v2/{}/blobs/uploads/7?_state=a%2Fb%3D";  // of a repository

 private:
  using Contents = std::map<std::string, std::string>;

  static Reply serve(const Contents& contents, const std::string& name, bool manifest) {
    const auto found = contents.find(name);
    if (found == contents.end())
      return {404, {}, R"({"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown"}]})"};
    Reply reply{200, {{"Content-Length", std::to_string(found->second.size())}}, found->second};
    if (manifest) {
      reply.headers.emplace_back("Content-Type", std::string(media_type::kManifest));
      reply.headers.emplace_back("Docker-Content-Digest", Digest::of(found->second).str());
    }
    return reply;
  }

  Reply upload(const ScriptedHttp::Seen& seen, const std::string& repository) {
    if (seen.method == Method::post)
      return {202, {{"Location", fmt::format(fmt::runtime(uploads_at), repository)}}};
    const auto digests = parameters(seen.url.query(), "digest");
    const Digest digest = Digest::of(seen.body);
    if (seen.method != Method::put || digests != std::vector<std::string>{digest.str()})
      return {400, {}, R"({"errors":[{"code":"DIGEST_INVALID"}]})"};
    blobs_[repository + ":" + digest.str()] = seen.body;
    return {201, {{"Docker-Content-Digest", digest.str()}}};
  }

  Reply put_manifest(const ScriptedHttp::Seen& seen, const std::string& repository,
                     const std::string& tag) {
    const Digest digest = Digest::of(seen.body);
    manifests_[repository + ":" + tag] = manifests_[repository + ":" + digest.str()] = seen.body;
    return {201, {{"Docker-Content-Digest", digest.str()}}};
  }

  static bool writes(Method method) { return method == Method::post || method == Method::put; }

  Reply challenge(const std::string& repository, std::string_view error,
                  std::string_view more = "") const {
    const std::string scope =
        repository.empty() ? "" : fmt::format(R"(,scope="{}{}")", scope_of(repository), more);
    const std::string value =
        auth == Auth::basic
            ? R"(Basic realm="registry")"
            : fmt::format(R"(Bearer realm="{}",service="registry"{}{})", realm, scope, error);
    return {401,
            {{"WWW-Authenticate", value}},
            R"({"errors":[{"code":"UNAUTHORIZED","message":"authentication required"}]})"};
  }

  std::string basic() const { return "Basic " + base64_encode(user + ":" + password); }

  bool lets_in(const ScriptedHttp::Seen& seen) const {
    const std::string header = seen.header("Authorization");
    return auth == Auth::open || (auth == Auth::basic && header == basic()) ||
           (header.starts_with("Bearer ") && tokens_.contains(header.substr(7)));
  }

  std::optional<Reply> refusal(const ScriptedHttp::Seen& seen,
                               const std::string& repository) const {
    const std::string header = seen.header("Authorization");
    if (auth == Auth::open || (auth == Auth::basic && header == basic()))
      return std::nullopt;
    const std::string_view more = writes(seen.method) ? ",push" : "";
    if (auth == Auth::basic || header.empty())
      return challenge(repository, "", more);
    const auto token = tokens_.find(header.substr(std::string_view("Bearer ").size()));
    if (token == tokens_.end())
      return challenge(repository, R"(,error="invalid_token")", more);
    const std::string wide = scope_of(repository) + ",push";
    if (!token->second.contains(wide) &&
        (writes(seen.method) || !token->second.contains(scope_of(repository))))
      return challenge(repository, R"(,error="insufficient_scope")", more);
    return std::nullopt;
  }

  Reply token(const ScriptedHttp::Seen& seen) {
    ++token_requests;
    const bool post = seen.method == Method::post;
    const std::string header = seen.header("Authorization");
    const bool known = post ? parameters(seen.body, "refresh_token").at(0) == identity_token
                            : header == basic() || (header.empty() && anonymous_tokens);
    if (!known)
      return {401, {}, R"({"errors":[{"code":"UNAUTHORIZED","message":"wrong password"}]})"};
    std::vector<std::string> scopes = parameters(seen.url.query(), "scope");
    if (post) {
      const std::string all = parameters(seen.body, "scope").at(0);
      scopes.clear();
      for (const std::string_view each : split(all, ' '))
        scopes.emplace_back(each);
    }
    if (refuses_many && scopes.size() > 1)
      return {403, {}, R"({"errors":[{"code":"DENIED","message":"requested access is denied"}]})"};
    if (!shares_tokens)
      scopes.resize(1);
    const std::string name = fmt::format("token-{}-token", token_requests);
    tokens_[name] = {scopes.begin(), scopes.end()};
    return {200,
            {},
            fmt::format(R"({{"{}":"{}","expires_in":{}}})", post ? "access_token" : "token", name,
                        expires_in)};
  }

  mutable std::mutex mutex_;  // guards what follows, and token_requests
  Contents manifests_, blobs_;
  std::map<std::string, std::set<std::string>> tokens_;
};

}  // namespace ocisync
