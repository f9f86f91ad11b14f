#include "reconcile/repository_source.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/error.h"
#include "base/json.h"
#include "base/text.h"
#include "chart/archive.h"
#include "chart/metadata.h"
#include "reconcile/chart_tree.h"
#include "registry/repositories.h"
#include "store/notes.h"

namespace ocisync {
namespace {

std::string note_key(const ChartSpec& chart, const IndexEntry& entry) {
  return fmt::format("chart {} {} {}", chart.repository->url, chart.repository->chart,
                     entry.version);
}

// Another entry under the same version stands for other content.
std::string fingerprint(const IndexEntry& entry) {
  std::string text = entry.created + "\n" + (entry.digest ? entry.digest->str() : "");
  for (const std::string& url : entry.urls)
    text += "\n" + url;
  return Digest::of(text).str();
}

std::string described(const ChartSpec& chart) {
  return fmt::format("chart {} in {}", printable(chart.repository->chart),
                     printable(chart.repository->url));
}

std::string skipped(const ChartVersions& versions) {
  if (versions.skipped == 0)
    return {};
  return fmt::format(" ({} entries cannot be used: {})", versions.skipped, versions.first_fault);
}

// What the index would say of the versions that are cached.
ChartVersions versions_of(const std::vector<std::string>& tags) {
  ChartVersions versions;
  for (const std::string& tag : tags)
    if (const std::string version = version_of_tag(tag); Version::parse_loose(version))
      versions.entries.push_back({version, {}, {}, {}, false});
  return versions;
}

Error offline_miss(const ChartSpec& chart, std::string_view what) {
  return Error(Reason::offline_miss,
               fmt::format("{} of {} is not in the cache", what, described(chart)))
      .hint("run once without --offline, or with a cache that holds it");
}

std::string wanted_version(const ChartSpec& chart, const Revision& revision) {
  return version_of_tag((chart.range ? revision.reference : chart.reference).tag().value());
}

void write_file(const Directory& into, const std::string& name, Spool& spool) {
  const Fd file = into.create_file(name, kDefaultModes.file);
  FileSource source(spool.rewind(), "the archive");
  std::vector<std::byte> chunk(128 * 1024);
  while (const std::size_t count = source.read(chunk))
    write_all(file.get(), Bytes(chunk).first(count), into.path_of(name));
}

Descriptor described_as(std::string_view media_type, const Digest& digest, std::uint64_t size) {
  return {std::string(media_type), digest, size, {}, {}};
}

}  // namespace

// What was learned of an entry that its index does not say.
struct RepositorySource::Recollection {
  std::optional<Digest> content;
  bool looked_for_provenance = false;
  std::optional<Digest> provenance;
};

const Volume* RepositorySource::volume() const {
  return from_.cache ? &from_.cache->volume() : nullptr;
}

bool RepositorySource::writable() const { return volume() && !volume()->read_only(); }

RepositorySource::Recollection RepositorySource::recall(const ChartSpec& chart,
                                                        const IndexEntry& entry) const {
  Recollection result;
  const auto text = volume() ? read_note(*volume(), note_key(chart, entry)) : std::nullopt;
  if (!text)
    return result;
  try {
    const Json json = Json::parse(*text);
    const std::string* of = json.find_string("entry");
    const std::string* content = json.find_string("content");
    if (!of || *of != fingerprint(entry) || !content)
      return result;
    result.content = Digest::try_parse(*content);
    const std::string* provenance = json.find_string("provenance");
    result.looked_for_provenance = provenance != nullptr;
    if (provenance && !provenance->empty())
      result.provenance = Digest::try_parse(*provenance);
  } catch (const Error&) {
    return {};
  }
  return result;
}

void RepositorySource::note(const ChartSpec& chart, const IndexEntry& entry,
                            const Recollection& what) const {
  if (!writable() || !what.content)
    return;
  Json json = Json::object();
  json.set("entry", fingerprint(entry));
  json.set("content", what.content->str());
  if (what.looked_for_provenance)
    json.set("provenance", what.provenance ? what.provenance->str() : std::string());
  write_note(*volume(), note_key(chart, entry), json.dump());
}

Revision RepositorySource::resolve(Inquiry& inquiry) const {
  const ChartSpec& chart = inquiry.chart;
  if (from_.terms.lock)
    if (const LockedChart* locked = from_.terms.lock->find(chart.name))
      return {.reference = locked_reference(chart, *locked),
              .resolved = locked->manifest,
              .source = ReferenceSource::classic};
  if (from_.terms.offline || (chart.immutable && !chart.range))
    if (auto cached = cached_revision(chart))
      return *std::move(cached);
  if (from_.terms.offline)
    throw offline_miss(chart, chart.range
                                  ? "a version that satisfies " + printable(chart.range_text)
                                  : "version " + version_of_tag(*chart.reference.tag()));
  const auto listed = versions(inquiry);
  const IndexEntry& entry = choose(chart, *listed);
  std::shared_ptr<Spool> archive;
  const Digest digest = entry.digest ? *entry.digest : identify(inquiry, entry, archive);
  return {.reference = chart.range ? chart.reference.with_tag(tag_of_version(entry.version))
                                   : chart.reference,
          .resolved = digest,
          .archive = std::move(archive),
          .source = ReferenceSource::classic};
}

std::optional<Revision> RepositorySource::cached_revision(const ChartSpec& chart) const {
  if (!volume())
    return std::nullopt;
  const ReferenceStore references(*volume(), ReferenceSource::classic);
  Reference reference = chart.reference;
  if (chart.range) {
    const ChartVersions versions = versions_of(references.tags(chart.reference));
    const IndexEntry* highest = highest_version(versions, *chart.range, chart.tag_filter);
    if (!highest)
      return std::nullopt;
    reference = chart.reference.with_tag(tag_of_version(highest->version));
  }
  const auto entry = references.find(reference);
  if (!entry)
    return std::nullopt;
  return Revision{
      .reference = reference, .resolved = entry->content, .source = ReferenceSource::classic};
}

std::shared_ptr<const ChartVersions> RepositorySource::versions(Inquiry& inquiry) const {
  return from_.registry.repositories().versions(inquiry.chart, volume(), inquiry.counts,
                                                inquiry.stop);
}

const IndexEntry& RepositorySource::choose(const ChartSpec& chart,
                                           const ChartVersions& versions) const {
  if (versions.entries.empty())
    throw Error(Reason::not_found,
                fmt::format("the index lists no {}{}", described(chart), skipped(versions)));
  if (chart.range) {
    if (const IndexEntry* entry = highest_version(versions, *chart.range, chart.tag_filter))
      return *entry;
    throw Error(Reason::no_matching_version,
                fmt::format("none of the {} versions of {} satisfies {}{}", versions.entries.size(),
                            described(chart), printable(chart.range_text), skipped(versions)));
  }
  const std::string version = version_of_tag(*chart.reference.tag());
  if (const IndexEntry* entry = find_version(versions, version))
    return *entry;
  throw Error(Reason::not_found, fmt::format("the index lists no version {} of {}{}", version,
                                             described(chart), skipped(versions)));
}

// An entry without a digest stands for what it gave when it was first asked.
Digest RepositorySource::identify(Inquiry& inquiry, const IndexEntry& entry,
                                  std::shared_ptr<Spool>& archive) const {
  Recollection known = recall(inquiry.chart, entry);
  if (known.content)
    return *known.content;
  Spool spool = from_.registry.repositories().archive(
      inquiry.chart, entry, from_.spec.limits.archive_size, volume(), inquiry.counts, inquiry.stop);
  known.content = accept(std::move(spool), archive).digest;
  note(inquiry.chart, entry, known);
  return *known.content;
}

Descriptor RepositorySource::keep(Spool& spool, std::string_view media_type) const {
  Descriptor descriptor = described_as(media_type, spool.digest(), spool.size());
  from_.cache->ensure(descriptor,
                      [&](BlobWriter& writer) {
                        FileSource source(spool.rewind(), "the archive");
                        std::vector<std::byte> chunk(128 * 1024);
                        while (const std::size_t count = source.read(chunk))
                          writer.write(Bytes(chunk).first(count));
                      },
                      {});
  return descriptor;
}

// The archive that came: into the cache, or where that must not be written, into `archive`.
Descriptor RepositorySource::accept(Spool spool, std::shared_ptr<Spool>& archive) const {
  if (writable())
    return keep(spool, media_type::kChart);
  archive = std::make_shared<Spool>(std::move(spool));
  return described_as(media_type::kChart, archive->digest(), archive->size());
}

Descriptor RepositorySource::content(Inquiry& inquiry, Revision& revision) const {
  const ChartSpec& chart = inquiry.chart;
  if (const auto blob = from_.cache ? from_.cache->find(revision.resolved) : std::nullopt)
    return descriptor_of(*blob, media_type::kChart);
  if (revision.archive)
    return described_as(media_type::kChart, revision.archive->digest(), revision.archive->size());
  const std::string version = wanted_version(chart, revision);
  if (from_.terms.offline)
    throw offline_miss(chart, "the archive of version " + version);
  const auto listed = versions(inquiry);
  const IndexEntry* entry = find_version(*listed, version);
  const Reason changed = from_.terms.lock ? Reason::lock_mismatch : Reason::digest_mismatch;
  if (!entry)
    throw Error(Reason::not_found,
                fmt::format("the index lists version {} of {} no more", version, described(chart)));
  if (entry->digest && *entry->digest != revision.resolved)
    throw Error(changed, fmt::format("the index says {} of version {} of {}, {} is wanted",
                                     entry->digest->str(), version, described(chart),
                                     revision.resolved.str()));
  if (entry->deprecated)
    from_.log.warning("ChartDeprecated", "its repository says that it is no longer cared for",
                      {{"chart", chart.name}, {"version", version}});
  Spool spool = from_.registry.repositories().archive(chart, *entry, from_.spec.limits.archive_size,
                                                      volume(), inquiry.counts, inquiry.stop);
  if (spool.digest() != revision.resolved)
    throw Error(changed,
                fmt::format("version {} of {} is {}, {} is wanted", version, described(chart),
                            spool.digest().str(), revision.resolved.str()));
  return accept(std::move(spool), revision.archive);
}

// Of a chart that was here before it is in the cache; else Chart.yaml tells, once the whole archive
// was judged.
Descriptor RepositorySource::meta(const Revision& revision, const Descriptor& content) const {
  const auto before =
      volume() ? ReferenceStore(*volume(), ReferenceSource::classic).find(revision.reference)
               : std::nullopt;
  if (before && before->content == content.digest)
    if (const auto blob = from_.cache->find(before->meta))
      return descriptor_of(*blob, media_type::kHelmConfig);
  const auto read = [&](int fd) {
    FileSource source(fd, "the chart archive");
    return chart_json(
        read_chart_yaml(inspect_chart(source, archive_limits(from_.spec.limits)).chart_yaml));
  };
  std::string json;
  if (revision.archive) {
    json = read(revision.archive->rewind());
  } else {
    const Fd fd = from_.cache->open({content.digest, content.size});
    json = read(fd.get());
  }
  if (writable())
    from_.cache->keep(json);
  return described_as(media_type::kHelmConfig, Digest::of(json), json.size());
}

// Looked for once an entry, and again when the cache lost it. Nobody is asked when it cannot be
// kept, nor, as a lock file spares the index, when it would not be exported.
std::optional<Descriptor> RepositorySource::provenance(Inquiry& inquiry,
                                                       const Revision& revision) const {
  const ChartSpec& chart = inquiry.chart;
  const bool unseen = from_.terms.lock && chart.export_format == ExportFormat::directory;
  if (!writable() || from_.terms.offline || unseen)
    return std::nullopt;
  const auto listed = versions(inquiry);
  const IndexEntry* entry = find_version(*listed, wanted_version(chart, revision));
  if (!entry)
    return std::nullopt;
  Recollection known = recall(chart, *entry);
  if (known.looked_for_provenance && !known.provenance)
    return std::nullopt;
  if (known.provenance)
    if (const auto blob = from_.cache->find(*known.provenance))
      return descriptor_of(*blob, media_type::kProvenance);
  auto [spool, settled] = from_.registry.repositories().provenance(
      chart, *entry, kProvenanceLimit, volume(), inquiry.counts, inquiry.stop);
  if (!settled)
    return std::nullopt;  // and nothing is noted: it may be there the next time
  std::optional<Descriptor> found;
  if (spool)
    found = keep(*spool, media_type::kProvenance);
  known = {revision.resolved, true, found ? std::optional(found->digest) : std::nullopt};
  note(chart, *entry, known);
  return found;
}

SelectedChart RepositorySource::select(Inquiry& inquiry, Revision& revision) const {
  const Descriptor archive = at_stage("content", [&] { return content(inquiry, revision); });
  ChartManifest chart{.format = ChartFormat::current,
                      .config = at_stage("unpack", [&] { return meta(revision, archive); }),
                      .content = archive,
                      .provenance = provenance(inquiry, revision),
                      .name = {},
                      .version = {}};
  return {archive, std::move(chart)};
}

std::string RepositorySource::download(Inquiry& inquiry, const Directory& into) const {
  const ChartSpec& chart = inquiry.chart;
  Repositories& repositories = from_.registry.repositories();
  const auto listed = versions(inquiry);
  const IndexEntry& entry = choose(chart, *listed);
  std::string name = fmt::format("{}-{}.tgz", chart.repository->chart, entry.version);
  Spool archive = repositories.archive(chart, entry, from_.spec.limits.archive_size, volume(),
                                       inquiry.counts, inquiry.stop);
  write_file(into, name, archive);
  auto provenance = repositories.provenance(chart, entry, kProvenanceLimit, volume(),
                                            inquiry.counts, inquiry.stop);
  if (provenance.file)
    write_file(into, name + ".prov", *provenance.file);
  return name;
}

}  // namespace ocisync
