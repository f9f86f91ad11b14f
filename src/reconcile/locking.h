#pragma once

#include <set>
#include <stop_token>
#include <string>
#include <vector>

#include "reconcile/lanes.h"
#include "reconcile/lock_file.h"
#include "reconcile/resolver.h"

namespace ocisync {

// A chart that could not be locked.
struct LockFailure {
  std::string name;
  std::string reference;
  Reason reason;
  std::string message;  // one line
  std::string hint;
};

struct Locking {
  LockFile lock;
  std::vector<LockFailure> failures;  // in the order of the spec; the lock is not whole then
};

// Resolves every chart (of `only`, unless that is empty) and looks into it, for Chart.yaml says
// what it is called. The entries of other charts are taken from `before`; with an empty `only`
// nothing is. Writes nothing.
Locking lock_charts(const Sources& sources, Lanes& lanes, const LockFile& before,
                    const std::set<std::string>& only, std::stop_token stop);

}  // namespace ocisync
