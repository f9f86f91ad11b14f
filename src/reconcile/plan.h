#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "export/publisher.h"
#include "spec/spec.h"

namespace ocisync {

// Deciding, apart from doing: everything here is pure. Every step says why it is taken, and the
// same words reach the log, the result document and `diff`.

// What is there before a chart is worked on.
using Observed = Publisher::Look;

// What the registry has to be asked to learn the wanted revision.
enum class Question {
  nothing,   // a digest, an immutable tag that was resolved before, or nobody may be asked
  head,      // does the tag still stand for the digest we know?
  manifest,  // never seen: ask for the manifest itself
};

// `reference` is the chart's, with the tag a range chose; `known` says whether what it stood for
// when the registry was last asked is known still.
Question question(const ChartSpec& chart, const Reference& reference, bool known, bool offline);

enum class Action { create, update, repair, unchanged, remove, blocked };
std::string_view to_string(Action action);

struct Step {
  Action action;
  std::string because;
  bool accepted = false;  // layout snapshot: it is ready, and waits for the next generation
};

// `resolved` is what the registry calls the wanted revision.
Step decide(const ChartSpec& chart, Layout layout, const Observed& observed,
            const Digest& resolved);

// Where a chart is exported, relative to the export directory: what its publications are known by.
std::string export_path(const Spec& spec, const ChartSpec& chart);
// The same as an absolute path; empty when nothing is exported.
std::string absolute_export_path(const Spec& spec, const std::string& path);

// Without an export there is nothing to compare: what is wanted goes into the cache.
Step decide_to_pull();

// What the spec names no more, to be withdrawn: nothing without `prune`, and nothing of a spec that
// is suspended as a whole. A chart that is suspended or not selected is still named.
std::vector<Publication> withdrawals(const Spec& spec, const std::vector<Publication>& published);

// What there is to say of such a one.
std::string why_withdrawn(const Spec& spec, const Publication& gone);

// Whether readers do without it: a generation that is shown still may hold it, and when the layout
// changes the former place stays until the chart stands at its new one. `is_shown` knows of paths.
bool may_go(const Publication& gone, const Spec& spec,
            const std::function<bool(const std::string& path)>& is_shown);

}  // namespace ocisync
