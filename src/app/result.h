#pragma once

#include <string>

#include "reconcile/outcome.h"

namespace ocisync {

// The result of a pass, as the one thing on stdout.

// Aligned columns, a line a failure with chart, stage, HTTP status, reason and hint, and a summary.
std::string result_table(const PassResult& result);

// One line: chart, reason, stage, HTTP status, reference, what went wrong, what to do. Of a chart
// that failed.
std::string failure_line(const Outcome& chart);

// "3 charts: 2 updated, 1 failed in 0.12s"
std::string summary_line(const PassResult& result);

// The document of kind SyncResult (ocisync.dev/v1alpha1): durations in seconds, times RFC 3339 UTC.
std::string result_json(const PassResult& result, int exit_code);

// Its JSON Schema (draft 2020-12), from the same table that writes it. Fields may be added to
// v1alpha1; what is there keeps its name and meaning.
std::string result_json_schema();

}  // namespace ocisync
