#include <algorithm>
#include <utility>

#include "reconcile/followed_spec.h"
#include "reconcile/reconciler.h"

// How a reconciler takes up a spec, and goes on with what the one before has in common with it.
namespace ocisync {
namespace {

std::map<std::string, WallTime> last_successes(const StatusBoard& board) {
  std::map<std::string, WallTime> result;
  for (const auto& chart : board.snapshot().charts)
    if (chart->last_success)
      result.emplace(chart->wanted.name, *chart->last_success);
  return result;
}

}  // namespace

bool Reconciler::is_worked_on(const ChartSpec& chart) const {
  const bool selected = only_.empty() || only_.contains(chart.name);
  return selected && !chart.suspend && !followed_->rooms->spec.suspend;
}

void Reconciler::adopt_if_free() {
  if (!next_followed_ || closed_ || house_.busy || switch_.busy)
    return;
  if (std::none_of(slots_.begin(), slots_.end(), [](const auto& entry) {
        return entry.second.under_way && entry.second.overtaken;
      }))
    adopt(std::exchange(next_followed_, nullptr));
}

void Reconciler::adopt(std::shared_ptr<FollowedSpec> next) {
  const auto before = std::exchange(followed_, std::move(next));
  const Rooms& rooms = *followed_->rooms;
  lanes_.set_count(followed_->lanes() + (pass_ ? 0 : 1));
  board_.set_charts(followed_->board_charts(), rooms.spec.hash);
  const auto remembered = last_successes(board_);
  auto old = std::exchange(slots_, {});
  std::vector<Reference> expected;
  for (std::size_t i = 0; i < rooms.spec.charts.size(); ++i) {
    const ChartSpec& chart = rooms.spec.charts[i];
    auto known = old.extract(chart.name);
    if (known && before->continues_as(*followed_, known.mapped().index)) {
      known.mapped().index = i;
      schedule_.set_pace(chart.name, followed_->pace(chart, pass_ != nullptr));
      slots_.insert(std::move(known));
      continue;
    }
    if (known)
      leave(chart.name, known.mapped());
    Slot& slot = slots_[chart.name];
    slot.index = i;
    if (const auto success = remembered.find(chart.name); success != remembered.end())
      slot.last_success = success->second;
    introduce(chart, slot, !known.empty());
    if (!slot.group.empty() && !chart.repository)
      expected.push_back(chart.reference);
  }
  for (auto& [name, slot] : old)
    leave(name, slot);
  rooms.registry.expect(expected);
  if (rooms.progress) {
    rooms.progress->expect(rooms.spec.charts.size());
    for (const auto& [name, slot] : slots_)
      if (slot.group.empty())
        rooms.progress->chart_done(false);
  }
  want_switch();
  want_house(Duration(0));
}

void Reconciler::introduce(const ChartSpec& chart, Slot& slot, bool known) {
  if (!is_worked_on(chart)) {
    slot.outcome = followed_->parked(chart, only_);
    look(chart.name, slot);
    return;
  }
  slot.outcome = followed_->untouched(chart);
  slot.group = followed_->rooms->registry.registry_key(chart.reference);
  lanes_.expect(slot.group);
  if (pass_ || known)
    enter(chart);
  else
    look(chart.name, slot);
}

void Reconciler::enter(const ChartSpec& chart) {
  schedule_.add(chart.name, followed_->pace(chart, pass_ != nullptr), clock_.steady());
}

void Reconciler::leave(const std::string& name, Slot& slot) {
  schedule_.remove(name);
  narrator_.forget(name);
  switch_.awaited.erase(name);
  finish(slot);
}

// Nothing more will come of the chart.
void Reconciler::finish(Slot& slot) {
  if (!slot.group.empty())
    lanes_.forget(std::exchange(slot.group, {}));
}

}  // namespace ocisync
