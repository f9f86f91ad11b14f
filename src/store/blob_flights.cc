#include "store/blob_flights.h"

#include <condition_variable>
#include <mutex>
#include <optional>

#include "base/error.h"

namespace ocisync {

struct BlobFlights::Flight {
  // What the leader failed with; absent when it did not.
  std::optional<Error> wait(std::stop_token stop) {
    std::unique_lock lock(mutex);
    if (!landing.wait(lock, stop, [this] { return landed; }))
      throw Error(Reason::cancelled, "stopped while another thread was fetching the same blob");
    return failure;
  }

  void land(std::optional<Error> outcome) {
    {
      std::lock_guard lock(mutex);
      failure = std::move(outcome);
      landed = true;
    }
    landing.notify_all();
  }

  std::mutex mutex;
  std::condition_variable_any landing;
  bool landed = false;
  std::optional<Error> failure;
};

void BlobFlights::run(const Descriptor& descriptor, std::stop_token stop,
                      const std::function<void()>& lead) {
  const Key key(descriptor.digest, descriptor.size);
  while (true) {
    auto own = std::make_shared<Flight>();
    const std::shared_ptr<Flight> flight =
        flights_.with([&](auto& flights) { return flights.try_emplace(key, own).first->second; });
    if (flight == own)
      return take_off(key, flight, lead);
    const std::optional<Error> failure = flight->wait(stop);
    if (!failure)
      return;
    if (failure->fault() == Fault::retry)
      throw Error(*failure);
  }
}

void BlobFlights::take_off(const Key& key, const std::shared_ptr<Flight>& flight,
                           const std::function<void()>& lead) {
  const auto land = [&](std::optional<Error> outcome) {
    flights_.with([&](auto& flights) { flights.erase(key); });
    flight->land(std::move(outcome));
  };
  try {
    lead();
  } catch (const Error& error) {
    land(error);
    throw;
  } catch (...) {
    land(Error(Reason::internal, "the thread that was fetching the blob failed"));
    throw;
  }
  land(std::nullopt);
}

}  // namespace ocisync
