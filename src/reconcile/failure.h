#pragma once

#include <functional>
#include <optional>

#include "base/error.h"

namespace ocisync {

// Does `act` and tells what it threw, if anything; what is no Error has Reason::internal. For work
// in a thread that must outlive it.
std::optional<Error> failure_of(const std::function<void()>& act);

}  // namespace ocisync
