#pragma once

#include <optional>
#include <ostream>

#include "base/error.h"

namespace ocisync {

inline void PrintTo(Reason reason, std::ostream* out) { *out << to_string(reason); }

// The Error that `act` ends with; absent when it succeeds. Anything else that it throws fails the
// test.
template <typename Act>
std::optional<Error> failure_of(Act&& act) {
  try {
    act();
  } catch (const Error& error) {
    return error;
  }
  return std::nullopt;
}

template <typename Act>
std::optional<Reason> reason_of(Act&& act) {
  const std::optional<Error> error = failure_of(act);
  return error ? std::optional(error->reason()) : std::nullopt;
}

}  // namespace ocisync
