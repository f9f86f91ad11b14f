#pragma once

#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <stop_token>
#include <string>
#include <tuple>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "net/url.h"
#include "registry/token_service.h"

namespace ocisync {

// Tokens until shortly before they lapse, by what they open. Who needs one that somebody is
// fetching waits for it; who fetches takes along scopes that were announced. Safe from any thread.
class TokenCache {
 public:
  // A token of one key is never used for another: credentials of two tenants stay apart.
  struct Key {
    Origin origin;
    std::string realm, service, credential;
    auto operator<=>(const Key&) const = default;
  };

  struct Bounds {
    std::size_t scopes;
    std::size_t length;  // of all scopes together, percent-encoded
  };

  // What one fetch is to ask for.
  class Turn {
   public:
    const std::vector<std::string>& scopes() const noexcept { return scopes_; }  // the needed first

    const std::string& needed() const noexcept { return scopes_.front(); }

    // The service gives tokens for one scope only: this one is for `needed` alone, and from now on
    // all requests of this key are.
    void one_at_a_time() const { alone_ = true; }

   private:
    friend class TokenCache;
    std::vector<std::string> scopes_;
    mutable bool alone_ = false;
  };

  explicit TokenCache(const Clock& clock) : clock_(clock) {}

  void expect(const Origin& origin, const std::vector<std::string>& scopes);

  // A token that opens `scope`. Throws what `fetch` throws (whoever waited for it sees a copy), and
  // Error(cancelled) while waiting.
  using Fetch = std::function<Token(const Turn&)>;
  Secret get(const Key& key, const std::string& scope, Bounds bounds, std::stop_token stop,
             const Fetch& fetch);

  // The registry refused this header where `scope` was needed. It is forgotten; but a token for
  // several scopes that was only `too_narrow` keeps the one it was fetched for, and its service is
  // asked for one at a time from now on.
  void refuse(const Secret& header, const std::string& scope, bool too_narrow);

 private:
  struct Held {
    Secret text;
    std::string fetched_for;
    std::size_t scopes;
    SteadyTime until;
  };

  struct Flight {
    bool alone = false;  // for one scope: its failure is everybody's
    bool over = false;
    std::optional<Error> failure;  // a copy: each waiter annotates its own
  };

  struct Shelf {
    std::map<std::string, std::shared_ptr<const Held>> tokens;  // by scope
    std::map<std::string, std::shared_ptr<Flight>> under_way;   // by scope
    bool one_at_a_time = false;
    std::size_t prune_at = 64;
  };

  Turn begin(const Key& key, Shelf& shelf, const std::string& scope, Bounds bounds);
  void keep(Shelf& shelf, const Turn& turn, const Token& token);
  void land(const Key& key, const Turn& turn, Flight& flight, const std::optional<Token>& token,
            std::optional<Error> failure);

  const Clock& clock_;
  std::mutex mutex_;  // guards what follows
  std::condition_variable_any landed_;
  std::map<Key, Shelf> shelves_;
  std::map<Origin, std::set<std::string>> expected_;
};

}  // namespace ocisync
