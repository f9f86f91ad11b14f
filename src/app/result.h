#pragma once

#include <string>

#include "reconcile/outcome.h"

namespace ocisync {

// The result of a pass as the one thing on stdout.

// Aligned columns, a line a failure with chart, stage, HTTP status, reason and hint, and a summary.
std::string result_table(const PassResult& result);

// The document of kind SyncResult (ocisync.dev/v1alpha1): durations in seconds, times RFC 3339 UTC.
std::string result_json(const PassResult& result, int exit_code);

}  // namespace ocisync
