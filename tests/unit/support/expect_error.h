#pragma once

#include <optional>

#include <gtest/gtest.h>

#include "support/failure.h"

namespace ocisync {

// Like failure_of, but success is a failure of the test.
template <typename Act>
std::optional<Error> error_of(Act&& act) {
  std::optional<Error> error = failure_of(act);
  EXPECT_TRUE(error) << "no Error was thrown";
  return error;
}

}  // namespace ocisync
