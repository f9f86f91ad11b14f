#pragma once

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
struct Observed {
  std::optional<Publication> publication;         // this owner's record of the export path
  PublishedState state = PublishedState::absent;  // what really stands there
  std::optional<Digest> known;  // what the reference stood for when the registry was last asked
};

// What the registry has to be asked to learn the wanted revision.
enum class Question {
  nothing,   // a digest, or an immutable tag that was resolved before
  head,      // does the tag still stand for the digest we know?
  manifest,  // never seen: ask for the manifest itself
};

// `reference` is the chart's, with the tag a range chose.
Question question(const ChartSpec& chart, const Reference& reference, const Observed& observed);

enum class Action { create, update, repair, unchanged, remove, blocked };
std::string_view to_string(Action action);

struct Step {
  Action action;
  std::string because;
};

// `resolved` is what the registry calls the wanted revision.
Step decide(const ChartSpec& chart, Layout layout, const Observed& observed,
            const Digest& resolved);

// What the spec still names: everything else of this owner is withdrawn when `prune` is on. A chart
// that is suspended or not selected keeps its export, so nothing is withdrawn for it.
std::vector<Publication> withdrawals(const Spec& spec, const std::vector<Publication>& published);

}  // namespace ocisync
