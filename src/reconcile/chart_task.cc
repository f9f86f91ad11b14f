#include "reconcile/chart_task.h"

#include <algorithm>
#include <regex>
#include <thread>

#include <fmt/format.h>

#include "base/text.h"
#include "chart/metadata.h"
#include "spec/quantity.h"

namespace ocisync {
namespace {

constexpr std::uint64_t kConfigLimit = 4ULL << 20;
constexpr std::uint64_t kProvenanceLimit = 1ULL << 20;

// Frees its place when it leaves.
class Place {
 public:
  explicit Place(std::counting_semaphore<>& places) : places_(places) { places_.acquire(); }

  ~Place() { places_.release(); }

  Place(const Place&) = delete;
  Place& operator=(const Place&) = delete;

 private:
  std::counting_semaphore<>& places_;
};

void fill_failure(Outcome& outcome, const Error& error) {
  outcome.state = ChartState::failed;
  outcome.reason = error.reason();
  outcome.message = printable(error.what(), 2048);
  outcome.hint = printable(error.hint(), 512);
  outcome.stage = error.stage();
  outcome.http_status = error.http_status();
  outcome.not_before = error.not_before();
}

}  // namespace

// What belongs to one attempt at one chart.
struct ChartTask::Attempt {
  const ChartSpec& chart;
  std::stop_token stop;
  Observed observed{};
  TransferCounts counts{};
  Outcome outcome{};
};

// The revision that is wanted: the reference with its tag, and what the registry calls it.
struct ChartTask::Revision {
  Reference reference;
  Digest resolved;
  std::optional<FetchedManifest> fetched;  // when asking meant fetching
};

ChartTask::ChartTask(const Rooms& rooms)
    : rooms_(rooms),
      modes_(rooms.spec.exports.group_write ? kGroupModes : kDefaultModes),
      unpacking_(std::max(1U, std::thread::hardware_concurrency())) {}

Outcome ChartTask::run(const ChartSpec& chart, std::stop_token stop) {
  const SteadyTime started = rooms_.clock.steady();
  Attempt attempt{.chart = chart, .stop = std::move(stop)};
  Outcome& outcome = attempt.outcome;
  outcome.name = chart.name;
  outcome.required = chart.required;
  outcome.reference = chart.reference.str();
  outcome.export_path = (*rooms_.spec.exports.path / chart.export_path).string();
  try {
    travel(attempt);
  } catch (const Error& error) {
    fill_failure(outcome, error);
  } catch (const std::exception& error) {
    fill_failure(outcome, Error(Reason::internal, error.what()));
  }
  outcome.requests = attempt.counts.requests;
  outcome.bytes = attempt.counts.bytes;
  outcome.duration = std::chrono::duration_cast<Duration>(rooms_.clock.steady() - started);
  return outcome;
}

void ChartTask::travel(Attempt& attempt) {
  const ChartSpec& chart = attempt.chart;
  attempt.observed = at_stage("publish", [&] {
    rooms_.publisher.require_free(chart.export_path);
    return observe(chart);
  });
  Revision revision = at_stage("resolve", [&] { return resolve(attempt); });
  attempt.outcome.reference = revision.reference.str();

  const Step step = decide(chart, rooms_.spec.exports.layout, attempt.observed, revision.resolved);
  if (step.action == Action::unchanged) {
    attempt.outcome.state = ChartState::unchanged;
    attempt.outcome.version = attempt.observed.publication->chart_version;
    attempt.outcome.digest = attempt.observed.publication->manifest;
    attempt.outcome.in_place = true;
    return;
  }
  attempt.outcome.message = step.because;
  const SelectedChart selected = at_stage("manifest", [&] { return select(attempt, revision); });
  const CachedChart cached = ensure_blobs(attempt, revision, selected.chart);
  const TreeRecord tree = at_stage(
      "unpack", [&] { return unpack(chart, selected.manifest.digest, cached, attempt.stop); });
  at_stage("publish", [&] { publish(attempt, revision, selected, cached, tree); });
  attempt.outcome.state =
      step.action == Action::repair ? ChartState::repaired : ChartState::updated;
}

Observed ChartTask::observe(const ChartSpec& chart) const {
  Observed observed;
  observed.publication = rooms_.publisher.find(chart.export_path);
  observed.state = rooms_.publisher.examine(chart.export_path, observed.publication);
  return observed;
}

Reference ChartTask::choose_tag(Attempt& attempt) {
  const ChartSpec& chart = attempt.chart;
  std::vector<std::string> tags =
      rooms_.registry.tags(chart.reference, attempt.counts, attempt.stop);
  if (chart.tag_filter)
    std::erase_if(
        tags, [&](const std::string& tag) { return !std::regex_match(tag, *chart.tag_filter); });
  const auto tag = highest_tag(tags, *chart.range, chart.range_text);
  if (!tag)
    throw Error(Reason::no_matching_version,
                fmt::format("none of the {} tags of {} satisfies {}", tags.size(),
                            chart.reference.name(), chart.range_text));
  return chart.reference.with_tag(*tag);
}

ChartTask::Revision ChartTask::resolve(Attempt& attempt) {
  const ChartSpec& chart = attempt.chart;
  const Reference reference = chart.range ? choose_tag(attempt) : chart.reference;
  if (const auto cached = rooms_.references.find(reference))
    attempt.observed.known = cached->manifest;
  const auto& publication = attempt.observed.publication;
  if (!attempt.observed.known && publication && publication->reference == reference.str())
    attempt.observed.known = publication->resolved();

  switch (question(chart, reference, attempt.observed)) {
    case Question::nothing:
      if (!reference.digest())
        return {reference, *attempt.observed.known, {}};
      watch_tag(attempt, reference);
      return {reference, *reference.digest(), {}};
    case Question::head:
      if (const auto digest = rooms_.registry.resolve(reference, attempt.counts, attempt.stop))
        return {reference, *digest, {}};
      break;
    case Question::manifest:
      break;
  }
  FetchedManifest fetched = rooms_.registry.manifest(reference, attempt.counts, attempt.stop);
  const Digest digest = fetched.digest;
  return {reference, digest, std::move(fetched)};
}

// A digest decides what is published; its tag is only watched.
void ChartTask::watch_tag(Attempt& attempt, const Reference& reference) {
  if (!reference.tag())
    return;
  const Reference tagged = reference.with_tag(*reference.tag());
  try {
    const auto now = rooms_.registry.resolve(tagged, attempt.counts, attempt.stop);
    if (now && *now != *reference.digest())
      rooms_.log.warning("TagMoved", "the tag points elsewhere; the digest in the spec stays",
                         {{"chart", attempt.chart.name},
                          {"tag", tagged.str()},
                          {"digest", reference.digest()->str()},
                          {"now", now->str()}});
  } catch (const Error& error) {
    if (error.reason() == Reason::cancelled)
      throw;
    if (error.reason() != Reason::not_found)
      rooms_.log.warning("TagUnchecked", "the tag beside the digest could not be checked",
                         {{"chart", attempt.chart.name}, {"error", std::string(error.what())}});
  }
}

// By digest, so that the tag cannot move in between. A registry that cannot serve by digest what it
// just named (caching proxies do this) is asked by tag once.
FetchedManifest ChartTask::fetch_manifest(Attempt& attempt, const Reference& reference,
                                          const Digest& digest) {
  try {
    return rooms_.registry.manifest(reference.with_digest(digest), attempt.counts, attempt.stop);
  } catch (const Error& error) {
    const bool unreliable =
        error.reason() == Reason::not_found || error.reason() == Reason::digest_mismatch;
    if (!unreliable || !reference.tag() || reference.digest())
      throw;
    rooms_.log.warning("DigestHeaderUnreliable",
                       "the registry does not serve the digest it named; asking by tag",
                       {{"chart", attempt.chart.name}, {"digest", digest.str()}});
    return rooms_.registry.manifest(reference, attempt.counts, attempt.stop);
  }
}

// A manifest or config that an index leads to: from the cache, else from the registry.
std::string ChartTask::document(Attempt& attempt, const Reference& reference,
                                const Descriptor& descriptor) {
  const std::uint64_t limit = rooms_.spec.limits.manifest_size;
  if (const auto blob = rooms_.cache.find(descriptor.digest))
    return rooms_.cache.read(*blob, limit);
  if (descriptor.media_type == media_type::kHelmConfig)
    return rooms_.cache.read(
        ensure_blob(reference, descriptor, kConfigLimit, attempt.counts, attempt.stop), limit);
  const FetchedManifest fetched =
      fetch_manifest(attempt, reference.with_digest(descriptor.digest), descriptor.digest);
  rooms_.cache.keep(fetched.bytes, fetched.digest);
  return fetched.bytes;
}

SelectedChart ChartTask::select(Attempt& attempt, Revision& revision) {
  std::string bytes, type;
  if (!revision.fetched) {
    if (const auto blob = rooms_.cache.find(revision.resolved)) {
      bytes = rooms_.cache.read(*blob, rooms_.spec.limits.manifest_size);
    } else {
      revision.fetched = fetch_manifest(attempt, revision.reference, revision.resolved);
      revision.resolved = revision.fetched->digest;
    }
  }
  if (revision.fetched) {
    bytes = std::move(revision.fetched->bytes);
    type = revision.fetched->media_type;
  }
  const Document read = parse_document(bytes, type);
  rooms_.cache.keep(bytes, revision.resolved);
  if (const auto* manifest = std::get_if<Manifest>(&read))
    return {Descriptor{std::string(media_type::kManifest), revision.resolved, bytes.size(), {}, {}},
            recognise_chart(*manifest)};
  const std::string version =
      revision.reference.tag() ? version_of_tag(*revision.reference.tag()) : std::string();
  return select_chart(std::get<Index>(read), revision.reference.base_name(), version,
                      [&](const Descriptor& descriptor) {
                        return document(attempt, revision.reference, descriptor);
                      });
}

BlobFile ChartTask::ensure_blob(const Reference& reference, const Descriptor& descriptor,
                                std::uint64_t limit, TransferCounts& counts, std::stop_token stop) {
  if (descriptor.size > limit)
    throw Error(Reason::limit_exceeded,
                fmt::format("{} {} is {} bytes, more than the limit of {}", descriptor.media_type,
                            descriptor.digest.str(), descriptor.size, limit));
  return rooms_.cache.ensure(
      descriptor,
      [&](BlobWriter& writer) {
        const BlobTarget target{.sink = writer,
                                .offset = [&] { return writer.written(); },
                                .restart = [&] { writer.restart(); }};
        rooms_.registry.blob(reference, descriptor, target, counts, stop);
      },
      stop);
}

CachedChart ChartTask::ensure_blobs(Attempt& attempt, const Revision& revision,
                                    const ChartManifest& chart) {
  const LimitsSpec& limits = rooms_.spec.limits;
  TransferCounts beside;
  std::optional<BlobFile> config, provenance;
  auto small = rooms_.lanes.beside([&] {
    at_stage("config", [&] {
      config = ensure_blob(revision.reference, chart.config, kConfigLimit, beside, attempt.stop);
      if (chart.provenance)
        provenance = ensure_blob(revision.reference, *chart.provenance, kProvenanceLimit, beside,
                                 attempt.stop);
    });
  });
  std::optional<BlobFile> content;
  std::exception_ptr thrown;
  try {
    content = at_stage("content", [&] {
      return ensure_blob(revision.reference, chart.content, limits.archive_size, attempt.counts,
                         attempt.stop);
    });
  } catch (...) {
    thrown = std::current_exception();  // the work beside still refers to what is ours here
  }
  try {
    small.get();
  } catch (...) {
    thrown = thrown ? thrown : std::current_exception();
  }
  attempt.counts.requests += beside.requests;
  attempt.counts.bytes += beside.bytes;
  if (thrown)
    std::rethrow_exception(thrown);
  return {chart, *config, *content, provenance};
}

TreeRecord ChartTask::unpack(const ChartSpec& chart, const Digest& manifest,
                             const CachedChart& cached, const std::stop_token& stop) {
  TreeStore& trees = rooms_.publisher.trees();
  if (trees.check(chart.export_format, manifest, true) == TreeState::intact)
    if (auto record = trees.record(chart.export_format, manifest))
      return *std::move(record);
  const Place place(unpacking_);
  const SteadyTime deadline = rooms_.clock.steady() + rooms_.spec.timeout;
  const auto keep_on = [&] {
    if (stop.stop_requested())
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
  try {
    return trees.make(chart.export_format, manifest, fill);
  } catch (const Error& error) {
    if (error.reason() != Reason::disk_full || !rooms_.cache.make_room())
      throw;
    return trees.make(chart.export_format, manifest, fill);
  }
}

void ChartTask::publish(Attempt& attempt, const Revision& revision, const SelectedChart& selected,
                        const CachedChart& cached, const TreeRecord& tree) {
  const ChartSpec& chart = attempt.chart;
  warn_of_mismatch(chart, revision, cached, tree);
  rooms_.references.put(revision.reference, {.name = tree.chart_name,
                                             .version = tree.chart_version,
                                             .content = cached.content.digest,
                                             .meta = cached.config.digest,
                                             .manifest = revision.resolved});
  const Publication publication{.path = chart.export_path,
                                .owner = rooms_.spec.name,
                                .chart = chart.name,
                                .layout = rooms_.spec.exports.layout,
                                .format = chart.export_format,
                                .manifest = selected.manifest.digest,
                                .index = selected.manifest.digest == revision.resolved
                                             ? std::nullopt
                                             : std::optional(revision.resolved),
                                .chart_name = tree.chart_name,
                                .chart_version = tree.chart_version,
                                .reference = revision.reference.str(),
                                .published = rooms_.clock.wall()};
  const auto replaced = rooms_.publisher.publish(publication);
  Outcome& outcome = attempt.outcome;
  outcome.version = tree.chart_version;
  outcome.digest = publication.manifest;
  if (replaced && replaced->manifest != publication.manifest)
    outcome.previous = replaced->manifest;
  outcome.in_place = true;
}

// Names are allowed to disagree (the archive's Chart.yaml decides); people want to know.
void ChartTask::warn_of_mismatch(const ChartSpec& chart, const Revision& revision,
                                 const CachedChart& cached, const TreeRecord& tree) {
  const auto warn = [&](std::string_view what, const std::string& elsewhere,
                        const std::string& own) {
    if (elsewhere != own)
      rooms_.log.warning("MetadataMismatch", "Chart.yaml says otherwise and decides",
                         {{"chart", chart.name},
                          {"what", std::string(what)},
                          {"found", elsewhere},
                          {"chartYaml", own}});
  };
  warn("repository name", revision.reference.base_name(), tree.chart_name);
  if (revision.reference.tag() && Version::parse_loose(version_of_tag(*revision.reference.tag())))
    warn("tag", version_of_tag(*revision.reference.tag()), tree.chart_version);
  if (cached.manifest.split())
    return;
  try {
    const ChartMetadata config = read_chart_json(rooms_.cache.read(cached.config, kConfigLimit),
                                                 tree.chart_name, tree.chart_version);
    warn("config name", config.name, tree.chart_name);
    warn("config version", config.version, tree.chart_version);
  } catch (const Error& error) {
    rooms_.log.warning("MetadataMismatch", "the config blob is not chart metadata",
                       {{"chart", chart.name}, {"error", std::string(error.what())}});
  }
}

}  // namespace ocisync
