#pragma once

#include "app/options.h"

namespace ocisync {

// One function a command: what it prints goes to stdout, the log to stderr, and it returns the exit
// code. Each throws Error for what ends it as a whole.
int run_sync(const Options& options);
int run_validate(const Options& options);
int run_gc(const Options& options);
int run_cache_check(const Options& options);

}  // namespace ocisync
