#include "reconcile/chart_task.h"

#include <algorithm>
#include <thread>

#include <fmt/format.h>

#include "base/text.h"
#include "chart/metadata.h"
#include "export/export_volume.h"
#include "reconcile/failure.h"
#include "spec/quantity.h"

namespace ocisync {
namespace {

// Passes a blob's bytes on, and tells of them.
class ShownTransfer final : public Sink {
 public:
  ShownTransfer(Progress* progress, const std::string& chart, std::uint64_t size,
                BlobWriter& writer)
      : progress_(progress), writer_(writer) {
    if (progress_)
      transfer_ = progress_->begin(chart, size);
  }

  ~ShownTransfer() override {
    if (progress_)
      progress_->end(transfer_);
  }

  ShownTransfer(const ShownTransfer&) = delete;
  ShownTransfer& operator=(const ShownTransfer&) = delete;

  void write(Bytes bytes) override {
    writer_.write(bytes);
    if (progress_)
      progress_->moved(transfer_, writer_.written());
  }

 private:
  Progress* progress_;
  Progress::Transfer transfer_ = 0;
  BlobWriter& writer_;
};

// Unpacked, a chart is hardly ever smaller than packed.
void require_space(const Directory& where, std::uint64_t packed) {
  const auto room = where.room();
  if (room && packed > room->free)
    throw Error(
        Reason::disk_full,
        fmt::format("a chart of {} packed does not fit unpacked: {} has {} free",
                    human_size(packed), printable(where.path().string()), human_size(room->free)));
}

}  // namespace

// What belongs to one attempt at one chart.
struct ChartTask::Attempt {
  Inquiry inquiry;
  Outcome outcome{};
  std::optional<ReadyChart> waiting{};
};

ChartTask::ChartTask(const Rooms& rooms)
    : rooms_(rooms),
      planner_(
          {rooms.spec, rooms.registry, &rooms.cache, &rooms.references, rooms.log, rooms.terms},
          rooms.publisher),
      modes_(modes_of(rooms.spec.exports)),
      unpacking_(std::max(1U, std::thread::hardware_concurrency())) {}

void ChartTask::account(Outcome& outcome, const std::function<void()>& act) {
  if (const auto failure = failure_of(act))
    record_failure(outcome, *failure);
}

Journey ChartTask::run(const ChartSpec& chart, std::stop_token stop) {
  const SteadyTime started = rooms_.clock.steady();
  Attempt attempt{.inquiry = {.chart = chart, .stop = std::move(stop)}};
  Outcome& outcome = attempt.outcome;
  outcome.name = chart.name;
  outcome.required = chart.required;
  outcome.reference = chart.reference.str();
  outcome.export_path = absolute_export_path(rooms_.spec, export_path(rooms_.spec, chart));
  account(outcome, [&] { travel(attempt); });
  outcome.requests = attempt.inquiry.counts.requests;
  outcome.bytes = attempt.inquiry.counts.bytes;
  outcome.duration = std::chrono::duration_cast<Duration>(rooms_.clock.steady() - started);
  return {std::move(outcome), std::move(attempt.waiting)};
}

// Layout snapshot: while a newer revision waits, the one that readers see is looked after too.
void ChartTask::mend_shown(const Attempt& attempt) {
  const ChartSpec& chart = attempt.inquiry.chart;
  if (!rooms_.publisher || rooms_.spec.exports.layout != Layout::snapshot)
    return;
  const std::string path = export_path(rooms_.spec, chart);
  const auto shown = rooms_.publisher->shown(path), accepted = rooms_.publisher->find(path);
  if (!shown || (accepted && accepted->tree() == shown->tree()) ||
      rooms_.publisher->trees().check(shown->format, shown->manifest, false) == TreeState::intact)
    return;
  try {
    ChartSpec old = chart;
    old.export_format = shown->format;
    Attempt mending{.inquiry = {.chart = old, .stop = attempt.inquiry.stop}};
    Revision revision{
        .reference = Reference::parse(shown->reference),
        .resolved = shown->resolved(),
        .source = chart.repository ? ReferenceSource::classic : ReferenceSource::registry};
    const SelectedChart selected = planner_.resolver().select(mending.inquiry, revision);
    unpack(mending.inquiry, shown->manifest, ensure_blobs(mending, revision, selected.chart));
    rooms_.log.info("ChartRepaired", "the revision that is shown was altered",
                    {{"chart", chart.name}, {"version", shown->chart_version}});
  } catch (const Error& error) {
    rooms_.log.warning("ShownRevisionDamaged", error.what(),
                       {{"chart", chart.name}, {"version", shown->chart_version}});
  }
}

void ChartTask::travel(Attempt& attempt) {
  mend_shown(attempt);
  ChartPlan plan = planner_.plan(attempt.inquiry);
  Outcome& outcome = attempt.outcome;
  outcome.reference = plan.revision.reference.str();
  switch (plan.step.action) {
    case Action::unchanged:
      outcome.state = ChartState::unchanged;
      outcome.version = plan.observed.publication->chart_version;
      outcome.digest = plan.observed.publication->manifest;
      outcome.in_place = true;
      return;
    case Action::blocked:
      throw Error(Reason::path_conflict, plan.step.because).stage("publish");
    case Action::create:
    case Action::update:
    case Action::repair:
    case Action::remove:
      break;
  }
  outcome.message = plan.step.because;
  if (!plan.step.accepted)
    return carry_out(attempt, plan);
  outcome.state = ChartState::unchanged;  // until a switch shows it
  outcome.version = plan.observed.publication->chart_version;
  outcome.digest = plan.observed.publication->manifest;
  outcome.awaits_generation = true;
}

void ChartTask::carry_out(Attempt& attempt, ChartPlan& plan) {
  Inquiry& inquiry = attempt.inquiry;
  Revision& revision = plan.revision;
  const SelectedChart selected =
      at_stage("manifest", [&] { return planner_.resolver().select(inquiry, revision); });
  if (!rooms_.publisher)
    return pull(attempt, revision, selected);
  const CachedChart cached = ensure_blobs(attempt, revision, selected.chart);
  rooms_.cache.with_room(*rooms_.publisher->control(),
                         [&] { export_chart(attempt, plan, selected, cached); });
}

void ChartTask::export_chart(Attempt& attempt, const ChartPlan& plan, const SelectedChart& selected,
                             const CachedChart& cached) {
  const Inquiry& inquiry = attempt.inquiry;
  const Revision& revision = plan.revision;
  const TreeRecord tree =
      at_stage("unpack", [&] { return unpack(inquiry, selected.manifest.digest, cached); });
  at_stage("publish", [&] {
    put_reference(inquiry.chart, revision, cached, tree.chart_name, tree.chart_version);
    warn_of_case(inquiry.chart, tree);
    ReadyChart unpacked = ready(inquiry.chart, plan, selected, tree);
    if (waits_for_gates(unpacked, inquiry.stop))
      attempt.waiting = std::move(unpacked);
    else
      publish(unpacked, attempt.outcome);
  });
}

BlobFile ChartTask::ensure_blob(const Inquiry& inquiry, const Revision& revision,
                                const Descriptor& descriptor, std::uint64_t limit,
                                TransferCounts& counts) {
  require_size(descriptor, limit);
  return rooms_.cache.ensure(
      descriptor,
      [&](BlobWriter& writer) {
        ShownTransfer shown(rooms_.progress, inquiry.chart.name, descriptor.size, writer);
        const BlobTarget target{.sink = shown,
                                .offset = [&] { return writer.written(); },
                                .restart = [&] { writer.restart(); }};
        planner_.resolver().fetch(revision, descriptor, target, counts, inquiry.stop);
      },
      inquiry.stop);
}

CachedChart ChartTask::ensure_blobs(Attempt& attempt, const Revision& revision,
                                    const ChartManifest& chart) {
  const LimitsSpec& limits = rooms_.spec.limits;
  TransferCounts beside;
  std::optional<BlobFile> config, provenance;
  auto small = rooms_.lanes.beside([&] {
    at_stage("config", [&] {
      config = ensure_blob(attempt.inquiry, revision, chart.config, kConfigLimit, beside);
      if (chart.provenance)
        provenance =
            ensure_blob(attempt.inquiry, revision, *chart.provenance, kProvenanceLimit, beside);
    });
  });
  std::optional<BlobFile> content;
  std::exception_ptr thrown;
  try {
    content = at_stage("content", [&] {
      return ensure_blob(attempt.inquiry, revision, chart.content, limits.archive_size,
                         attempt.inquiry.counts);
    });
  } catch (...) {
    thrown = std::current_exception();  // the work beside still refers to what is ours here
  }
  try {
    small.get();
  } catch (...) {
    thrown = thrown ? thrown : std::current_exception();
  }
  attempt.inquiry.counts.requests += beside.requests;
  attempt.inquiry.counts.bytes += beside.bytes;
  if (thrown)
    std::rethrow_exception(thrown);
  return {chart, *config, *content, provenance};
}

TreeRecord ChartTask::unpack(const Inquiry& inquiry, const Digest& manifest,
                             const CachedChart& cached) {
  const ChartSpec& chart = inquiry.chart;
  TreeStore& trees = rooms_.publisher->trees();
  if (trees.check(chart.export_format, manifest, true) == TreeState::intact)
    if (auto record = trees.record(chart.export_format, manifest))
      return *std::move(record);
  const Semaphore::Hold place(unpacking_);
  const SteadyTime deadline = rooms_.clock.steady() + rooms_.spec.timeout;
  const auto keep_on = [&] {
    if (inquiry.stop.stop_requested())
      throw Error(Reason::cancelled, "stopped while the chart was being unpacked");
    if (rooms_.clock.steady() >= deadline)
      throw Error(Reason::timed_out, fmt::format("unpacking took longer than {}",
                                                 format_duration(rooms_.spec.timeout)))
          .hint("raise spec.timeout, or look for what slows the volume down");
  };
  const auto fill = [&](const Directory& into) {
    return fill_chart_tree(rooms_.cache, cached, chart.export_format, rooms_.spec.limits, modes_,
                           keep_on, into);
  };
  require_space(*rooms_.publisher->control(), cached.content.size);
  return trees.make(chart.export_format, manifest, fill);
}

ReferenceStore ChartTask::references(const Revision& revision) const {
  return ReferenceStore(rooms_.cache.volume(), revision.source);
}

void ChartTask::put_reference(const ChartSpec& chart, const Revision& revision,
                              const CachedChart& cached, const std::string& name,
                              const std::string& version) {
  warn_of_mismatch(chart, revision, cached, name, version);
  warn_of_legacy(chart, cached.manifest);
  if (rooms_.cache.volume().read_only())
    return;
  const bool classic = revision.source == ReferenceSource::classic;
  references(revision).put(revision.reference,
                           {.name = name,
                            .version = version,
                            .content = cached.content.digest,
                            .meta = cached.config.digest,
                            .manifest = classic ? std::nullopt : std::optional(revision.resolved)});
}

// Where nothing is exported the journey ends in the cache: with a chart that was judged whole the
// first time it came by.
void ChartTask::pull(Attempt& attempt, const Revision& revision, const SelectedChart& selected) {
  Outcome& outcome = attempt.outcome;
  for (const Descriptor& blob : planner_.resolver().missing(revision, selected))
    outcome.missing.push_back(blob.digest);
  const CachedChart cached = ensure_blobs(attempt, revision, selected.chart);
  const auto before = references(revision).find(revision.reference);
  // What has no manifest is known by its content.
  const auto stood_for = before && revision.source == ReferenceSource::classic
                             ? std::optional(before->content)
                         : before ? before->manifest
                                  : std::nullopt;
  const bool known =
      before && stood_for == revision.resolved && before->content == cached.content.digest;
  outcome.version = known ? before->version : std::string();
  if (!known) {
    const Semaphore::Hold place(unpacking_);
    const ChartMetadata metadata = read_chart_yaml(
        planner_.resolver().inspect(attempt.inquiry, revision, selected).chart_yaml);
    at_stage("publish", [&] {
      put_reference(attempt.inquiry.chart, revision, cached, metadata.name, metadata.version);
    });
    outcome.version = metadata.version;
  }
  outcome.digest = selected.manifest.digest;
  if (stood_for && stood_for != revision.resolved)
    outcome.previous = stood_for;
  const bool unchanged = known && outcome.missing.empty();
  outcome.state = unchanged ? ChartState::unchanged : ChartState::updated;
  outcome.message = unchanged ? "in the cache already" : "brought into the cache";
  outcome.in_place = true;
}

}  // namespace ocisync
