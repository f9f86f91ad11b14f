#include "reconcile/failure.h"

#include <exception>

namespace ocisync {

std::optional<Error> failure_of(const std::function<void()>& act) {
  try {
    act();
  } catch (const Error& error) {
    return error;
  } catch (const std::exception& error) {
    return Error(Reason::internal, error.what());
  }
  return std::nullopt;
}

}  // namespace ocisync
