#pragma once

#include <string>

#include "reconcile/sync_plan.h"

namespace ocisync {

// A plan as the one thing on stdout. Whatever comes from a registry, a volume or a chart is
// escaped: control bytes, what reorders text, and in Markdown all that could be markup.

// Aligned columns, the files of charts that were asked for in detail, a line for each chart that
// cannot be planned, and a summary.
std::string plan_table(const SyncPlan& plan);

// The document of kind SyncPlan (ocisync.dev/v1alpha1).
std::string plan_json(const SyncPlan& plan, int exit_code);

// For a comment on a pull request: a heading, a table, the summary, and folded differences.
std::string plan_markdown(const SyncPlan& plan);

}  // namespace ocisync
