#pragma once

#include <map>

#include "base/clock.h"
#include "base/guarded.h"
#include "net/url.h"

namespace ocisync {

// Mirrors that gave no answer, which costs whoever asks them all of a timeout: they are left alone
// for a minute, by all charts. Safe from any thread.
class SilentMirrors {
 public:
  explicit SilentMirrors(const Clock& clock) : clock_(clock) {}

  void add(const Origin& origin);

  // Throws Error(unavailable) for one that is to be left alone now.
  void check(const Origin& origin) const;

 private:
  const Clock& clock_;
  Guarded<std::map<Origin, SteadyTime>> until_;
};

}  // namespace ocisync
