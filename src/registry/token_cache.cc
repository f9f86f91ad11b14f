#include "registry/token_cache.h"

#include <algorithm>

#include "base/error.h"

namespace ocisync {
namespace {

// Early enough that a request made with it arrives in time.
Duration usable(Duration lifetime) {
  return lifetime - std::min<Duration>(std::chrono::seconds(30), lifetime / 10);
}

constexpr std::string_view kBearer = "Bearer ";

}  // namespace

void TokenCache::expect(const Origin& origin, const std::vector<std::string>& scopes) {
  const std::lock_guard lock(mutex_);
  expected_[origin].insert(scopes.begin(), scopes.end());
}

// Decides what to ask for and marks it as under way. What was announced is asked for once: who
// needs it again later needs it alone.
TokenCache::Turn TokenCache::begin(const Key& key, Shelf& shelf, const std::string& scope,
                                   Bounds bounds) {
  Turn turn;
  turn.scopes_.push_back(scope);
  auto& expected = expected_[key.origin];
  expected.erase(scope);
  std::size_t length = percent_encode(scope).size();
  while (!shelf.one_at_a_time && !expected.empty() && turn.scopes_.size() < bounds.scopes) {
    const std::string& next = *expected.begin();
    if (!shelf.tokens.contains(next) && !shelf.under_way.contains(next)) {
      length += percent_encode(next).size() + std::string_view("&scope=").size();
      if (length > bounds.length)
        break;
      turn.scopes_.push_back(next);
    }
    expected.erase(expected.begin());
  }
  return turn;
}

Secret TokenCache::get(const Key& key, const std::string& scope, Bounds bounds,
                       std::stop_token stop, const Fetch& fetch) {
  std::unique_lock lock(mutex_);
  Shelf& shelf = shelves_[key];
  while (true) {
    if (const auto held = shelf.tokens.find(scope);
        held != shelf.tokens.end() && held->second->until > clock_.steady())
      return held->second->text;
    const auto found = shelf.under_way.find(scope);
    if (found == shelf.under_way.end())
      break;
    const std::shared_ptr<Flight> flight = found->second;
    if (!landed_.wait(lock, stop, [&] { return flight->over; }))
      throw Error(Reason::cancelled, "stopped while waiting for a token");
    if (flight->failure && flight->alone && flight->failure->reason() != Reason::cancelled)
      throw Error(*flight->failure);
  }
  const Turn turn = begin(key, shelf, scope, bounds);
  const auto flight = std::make_shared<Flight>();
  flight->alone = turn.scopes().size() == 1;
  for (const std::string& each : turn.scopes())
    shelf.under_way[each] = flight;
  lock.unlock();
  try {
    const Token token = fetch(turn);
    land(key, turn, *flight, token, std::nullopt);
    return token.text;
  } catch (const Error& error) {
    land(key, turn, *flight, std::nullopt, error);
    throw;
  } catch (const std::exception& defect) {
    land(key, turn, *flight, std::nullopt, Error(Reason::internal, defect.what()));
    throw;
  }
}

void TokenCache::land(const Key& key, const Turn& turn, Flight& flight,
                      const std::optional<Token>& token, std::optional<Error> failure) {
  {
    const std::lock_guard lock(mutex_);
    Shelf& shelf = shelves_[key];
    shelf.one_at_a_time = shelf.one_at_a_time || turn.alone_;
    for (const std::string& scope : turn.scopes())
      shelf.under_way.erase(scope);
    if (token)
      keep(shelf, turn, *token);
    else  // what was announced still will be needed
      expected_[key.origin].insert(turn.scopes().begin() + 1, turn.scopes().end());
    flight.over = true;
    flight.failure = std::move(failure);
  }
  landed_.notify_all();
}

void TokenCache::keep(Shelf& shelf, const Turn& turn, const Token& token) {
  const SteadyTime now = clock_.steady();
  if (shelf.tokens.size() >= shelf.prune_at) {
    std::erase_if(shelf.tokens, [&](const auto& entry) { return entry.second->until <= now; });
    shelf.prune_at = std::max<std::size_t>(64, shelf.tokens.size() * 2);
  }
  const std::size_t count = turn.alone_ ? 1 : turn.scopes().size();
  const auto held = std::make_shared<const Held>(
      Held{token.text, turn.needed(), count, now + usable(token.lifetime)});
  for (std::size_t i = 0; i < count; ++i)
    shelf.tokens[turn.scopes()[i]] = held;
}

void TokenCache::refuse(const Secret& header, const std::string& scope, bool too_narrow) {
  if (!header.reveal().starts_with(kBearer))
    return;
  const std::string_view text = std::string_view(header.reveal()).substr(kBearer.size());
  const std::lock_guard lock(mutex_);
  for (auto& [key, shelf] : shelves_) {
    bool shared = false;
    std::erase_if(shelf.tokens, [&](const auto& entry) {
      const Held& held = *entry.second;
      if (held.text.reveal() != text)
        return false;
      const bool only_narrow = too_narrow && held.scopes > 1 && held.fetched_for != scope;
      shared = shared || only_narrow;
      return !only_narrow || entry.first != held.fetched_for;
    });
    shelf.one_at_a_time = shelf.one_at_a_time || shared;
  }
}

}  // namespace ocisync
