#include <algorithm>
#include <utility>

#include "base/memory.h"
#include "export/export_volume.h"
#include "reconcile/reconciler.h"
#include "reconcile/status_file.h"

// How a reconciler looks after its volumes.
namespace ocisync {
namespace {

constexpr Duration kSweepInterval = std::chrono::hours(1);  // content ages

}  // namespace

// Soon, but never so often that it would be all we do.
void Reconciler::want_house(Duration within) {
  const SteadyTime soonest = house_.ended + 10 * house_.took;
  house_.due = std::min(house_.due, std::max(clock_.steady() + within, soonest));
}

void Reconciler::tend_house() {
  const SteadyTime now = clock_.steady();
  if (pass_ || closed_ || !followed_ || house_.busy || now < house_.due)
    return;
  HouseWork work = std::exchange(house_.work, {});
  work.prune = only_.empty();
  work.sweep_anyway = now >= house_.sweep_due;
  if (!followed_->rooms->publisher)
    work.pulled = pulled();
  house_.busy = true;
  house_.due = SteadyTime::max();
  ++jobs_;
  lanes_.add({.group = kLocal, .run = [this, work, now, followed = followed_] {
                const HouseReport report = keep_house(*followed->rooms, work);
                write_status(*followed->rooms);
                give_back_memory();  // often enough, and never while a pass is in a hurry
                const auto took = std::chrono::duration_cast<Duration>(clock_.steady() - now);
                post([this, report, work, took] { housed(report, work, took); });
              }});
}

void Reconciler::housed(const HouseReport& report, const HouseWork& work, Duration took) {
  --jobs_;
  const SteadyTime now = clock_.steady();
  house_.busy = false;
  house_.ended = now;
  house_.took = took;
  house_.due = std::min(house_.due, now + followed_->house_interval());
  if (report.swept)
    house_.sweep_due = now + kSweepInterval;
  if (report.failed) {
    const bool withdrew = !report.withdrawn.empty();
    house_.work.published = house_.work.published || work.published || withdrew;
    house_.work.superseded = house_.work.superseded || work.superseded || withdrew;
  }
  tell_cache(report);
}

void Reconciler::tell_cache(const HouseReport& report) {
  const CacheCounts counts = followed_->rooms->cache.counts();
  if (counts.damaged > house_.damaged)
    log_.warning("CacheDamaged",
                 "blobs of the cache are not what their names say; they are fetched again when "
                 "they are needed",
                 {{"blobs", static_cast<std::int64_t>(counts.damaged - house_.damaged)}});
  house_.damaged = counts.damaged;
  CacheFigures& figures = house_.cache;
  figures.hits = counts.hits;
  figures.misses = counts.misses;
  figures.evictions += report.evicted;
  if (report.swept) {
    figures.size_bytes = report.kept_bytes;
    figures.blobs = report.kept_blobs;
  }
  metrics_.set_cache(figures);
}

void Reconciler::write_status(const Rooms& rooms) {
  if (!rooms.publisher)
    return;
  try {
    write_status_file(
        {*rooms.publisher->control(), rooms.spec.name, status_file_, modes_of(rooms.spec.exports)},
        board_.snapshot());
  } catch (const Error& error) {
    metrics_.status_write_failed();
    log_.warning("StatusNotWritten", "the status could not be written",
                 {{"error", std::string(error.what())}});
  }
}

// As resolved; what counts where nothing is exported.
std::vector<std::string> Reconciler::pulled() const {
  std::vector<std::string> references;
  for (const auto& [name, slot] : slots_)
    references.push_back(slot.outcome.reference);
  return references;
}

// The last switch, and the house; then what became of every chart.
PassResult Reconciler::end_pass(const std::stop_token& stop) {
  const Rooms& rooms = *followed_->rooms;
  switched(last_switch(stop));
  PassResult result;
  result.spec_name = rooms.spec.name;
  result.spec_hash = rooms.spec.hash;
  HouseWork work = house_.work;
  work.prune = only_.empty() && !closed_;
  if (!rooms.publisher)
    work.pulled = pulled();
  for (const ChartSpec& chart : rooms.spec.charts)
    result.charts.push_back(std::move(slots_.find(chart.name)->second.outcome));
  HouseReport report = keep_house(rooms, work);
  write_status(rooms);
  tell_cache(report);
  std::move(report.withdrawn.begin(), report.withdrawn.end(), std::back_inserter(result.charts));
  return result;
}

}  // namespace ocisync
