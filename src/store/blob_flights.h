#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <stop_token>
#include <utility>

#include "base/guarded.h"
#include "oci/manifest.h"

namespace ocisync {

// Of all threads that need one blob, the first fetches it and the others wait for what it got.
// Safe from any thread.
class BlobFlights {
 public:
  // Runs `lead`, or waits for the thread that does. A leader's failure is shared where repeating it
  // would cost each waiter the same wait (Fault::retry: a time-out, a full disk). Otherwise the
  // next waiter leads: what one registry refuses with one set of credentials, another may give.
  // Throws Error(cancelled) when `stop` is requested while waiting.
  void run(const Descriptor& descriptor, std::stop_token stop, const std::function<void()>& lead);

 private:
  struct Flight;
  // The size belongs to the key: a descriptor with a wrong one must fail alone.
  using Key = std::pair<Digest, std::uint64_t>;

  void take_off(const Key& key, const std::shared_ptr<Flight>& flight,
                const std::function<void()>& lead);

  Guarded<std::map<Key, std::shared_ptr<Flight>>> flights_;
};

}  // namespace ocisync
