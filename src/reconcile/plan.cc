#include "reconcile/plan.h"

#include <algorithm>

#include <fmt/format.h>

namespace ocisync {

Question question(const ChartSpec& chart, const Reference& reference, bool known, bool offline) {
  if (reference.digest())
    return Question::nothing;
  if (!known)
    return Question::manifest;
  return chart.immutable || offline ? Question::nothing : Question::head;
}

std::string_view to_string(Action action) {
  switch (action) {
    case Action::create:
      return "create";
    case Action::update:
      return "update";
    case Action::repair:
      return "repair";
    case Action::unchanged:
      return "unchanged";
    case Action::remove:
      return "remove";
    case Action::blocked:
      return "blocked";
  }
  return "blocked";
}

Step decide(const ChartSpec& chart, Layout layout, const Observed& observed,
            const Digest& resolved) {
  if (observed.state == PublishedState::foreign)
    return {Action::blocked, "something that is not ours stands at " + chart.export_path};
  if (!observed.publication)
    return {Action::create, "there was no export yet"};
  const Publication& published = *observed.publication;
  if (published.resolved() != resolved)
    return {Action::update, fmt::format("the reference moved from {} to {}",
                                        published.resolved().str(), resolved.str())};
  if (published.format != chart.export_format)
    return {Action::update,
            fmt::format("the export format changed from {} to {}", to_string(published.format),
                        to_string(chart.export_format))};
  if (published.layout != layout)
    return {Action::update, fmt::format("the layout changed from {} to {}",
                                        to_string(published.layout), to_string(layout))};
  switch (observed.state) {
    case PublishedState::current:
      return {Action::unchanged, "the wanted revision is in place"};
    case PublishedState::accepted:
      return {Action::update, "it is ready and waits for the next generation", true};
    case PublishedState::other_revision:
      return {Action::repair, "the export showed another revision than was published"};
    case PublishedState::altered:
      return {Action::repair, "the export was altered"};
    case PublishedState::absent:
      return {Action::repair, "the export was missing"};
    case PublishedState::foreign:
      break;
  }
  return {Action::blocked, "something that is not ours stands at " + chart.export_path};
}

std::string export_path(const Spec& spec, const ChartSpec& chart) {
  return spec.exports.layout == Layout::snapshot
             ? fmt::format("{}/{}", kCurrentName, chart.export_path)
             : chart.export_path;
}

std::string absolute_export_path(const Spec& spec, const std::string& path) {
  return spec.exports.path ? (*spec.exports.path / path).string() : std::string();
}

Step decide_to_pull() { return {Action::create, "wanted in the cache"}; }

std::vector<Publication> withdrawals(const Spec& spec, const std::vector<Publication>& published) {
  std::vector<Publication> gone;
  if (!spec.exports.prune || spec.suspend)
    return gone;
  std::copy_if(published.begin(), published.end(), std::back_inserter(gone),
               [&](const Publication& publication) {
                 return std::none_of(spec.charts.begin(), spec.charts.end(),
                                     [&](const ChartSpec& chart) {
                                       return export_path(spec, chart) == publication.path;
                                     });
               });
  return gone;
}

std::string why_withdrawn(const Spec& spec, const Publication& gone) {
  const bool stays = std::any_of(spec.charts.begin(), spec.charts.end(),
                                 [&](const ChartSpec& chart) { return chart.name == gone.chart; });
  return stays ? "exported elsewhere now" : "no longer in the spec";
}

bool may_go(const Publication& gone, const Spec& spec,
            const std::function<bool(const std::string& path)>& is_shown) {
  if (gone.layout == spec.exports.layout)
    return gone.layout != Layout::snapshot || !is_shown(gone.path);
  return std::none_of(spec.charts.begin(), spec.charts.end(), [&](const ChartSpec& chart) {
    return chart.name == gone.chart && !is_shown(export_path(spec, chart));
  });
}

}  // namespace ocisync
