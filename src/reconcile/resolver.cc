#include "reconcile/resolver.h"

#include <algorithm>
#include <regex>

#include <fmt/format.h>

#include "base/error.h"
#include "base/text.h"
#include "reconcile/chart_tree.h"
#include "reconcile/repository_source.h"

namespace ocisync {
namespace {

Error offline_miss(const std::string& what) {
  return Error(Reason::offline_miss, what + " is not in the cache")
      .hint("run once without --offline, or with a cache that holds it");
}

// A blob on its way through memory: checked like one that goes into the cache.
class PassingBlob final : public Sink {
 public:
  explicit PassingBlob(const Descriptor& descriptor)
      : descriptor_(descriptor), hasher_(descriptor.digest.algorithm()) {}

  void write(Bytes bytes) override {
    if (bytes.size() > descriptor_.size - text_.size())
      throw Error(Reason::digest_mismatch,
                  fmt::format("{} is longer than the {} bytes its descriptor says",
                              descriptor_.digest.str(), descriptor_.size));
    text_.append(as_text(bytes));
    hasher_.update(bytes);
  }

  std::uint64_t written() const { return text_.size(); }

  void restart() {
    text_.clear();
    hasher_ = Hasher(descriptor_.digest.algorithm());
  }

  std::string take() {
    if (text_.size() != descriptor_.size || hasher_.finish() != descriptor_.digest)
      throw Error(Reason::digest_mismatch,
                  "the bytes that came are not those of " + descriptor_.digest.str());
    return std::move(text_);
  }

 private:
  const Descriptor& descriptor_;
  Hasher hasher_;
  std::string text_;
};

// A source that ends with an Error when its reader is to stop.
class StoppableSource final : public Source {
 public:
  StoppableSource(Source& source, std::stop_token stop) : source_(source), stop_(std::move(stop)) {}

  std::size_t read(std::span<std::byte> into) override {
    if (stop_.stop_requested())
      throw Error(Reason::cancelled, "stopped while the chart was being read");
    return source_.read(into);
  }

 private:
  Source& source_;
  std::stop_token stop_;
};

}  // namespace

void require_size(const Descriptor& descriptor, std::uint64_t limit) {
  if (descriptor.size > limit)
    throw Error(Reason::limit_exceeded,
                fmt::format("{} {} is {} bytes, more than the limit of {}", descriptor.media_type,
                            descriptor.digest.str(), descriptor.size, limit));
}

Revision Resolver::resolve(Inquiry& inquiry, const std::optional<Publication>& published) const {
  const ChartSpec& chart = inquiry.chart;
  if (chart.repository)
    return RepositorySource(from_).resolve(inquiry);
  if (from_.terms.lock)
    if (const LockedChart* locked = from_.terms.lock->find(chart.name))
      return {locked_reference(chart, *locked), locked->manifest, {}};

  const Reference reference = chart.range ? choose_tag(inquiry) : chart.reference;
  const auto before = known(chart, reference, published);
  switch (question(chart, reference, before.has_value(), from_.terms.offline)) {
    case Question::nothing:
      if (!reference.digest())
        return {reference, before.value(), {}};
      watch_tag(inquiry, reference);
      return {reference, *reference.digest(), {}};
    case Question::head:
      if (const auto digest = from_.registry.resolve(reference, inquiry.counts, inquiry.stop))
        return {reference, *digest, {}};
      break;
    case Question::manifest:
      break;
  }
  if (from_.terms.offline)
    throw offline_miss(reference.str());
  FetchedManifest fetched = from_.registry.manifest(reference, inquiry.counts, inquiry.stop);
  const Digest digest = fetched.digest;
  return {reference, digest, std::move(fetched)};
}

Reference Resolver::choose_tag(Inquiry& inquiry) const {
  const ChartSpec& chart = inquiry.chart;
  std::vector<std::string> tags;
  if (!from_.terms.offline)
    tags = from_.registry.tags(chart.reference, inquiry.counts, inquiry.stop);
  else if (from_.references)
    tags = from_.references->tags(chart.reference);
  if (chart.tag_filter)
    std::erase_if(
        tags, [&](const std::string& tag) { return !std::regex_match(tag, *chart.tag_filter); });
  if (const auto tag = highest_tag(tags, *chart.range, chart.range_text))
    return chart.reference.with_tag(*tag);
  if (from_.terms.offline)
    throw offline_miss(fmt::format("a tag of {} that satisfies {}", chart.reference.name(),
                                   printable(chart.range_text)));
  throw Error(Reason::no_matching_version,
              fmt::format("none of the {} tags of {} satisfies {}", tags.size(),
                          chart.reference.name(), chart.range_text));
}

std::optional<Digest> Resolver::known(const ChartSpec& chart, const Reference& reference,
                                      const std::optional<Publication>& published) const {
  const bool is_published = published && published->reference == reference.str();
  // What is immutable stays what it was, whoever else moves the tag in a cache that is shared.
  if (chart.immutable && is_published)
    return published->resolved();
  const auto entry = from_.references ? from_.references->find(reference) : std::nullopt;
  if (entry && entry->manifest)
    return entry->manifest;
  return is_published ? std::optional(published->resolved()) : std::nullopt;
}

// A digest decides what is published; its tag is only watched.
void Resolver::watch_tag(Inquiry& inquiry, const Reference& reference) const {
  if (!reference.tag() || from_.terms.offline)
    return;
  const Reference tagged = reference.with_tag(*reference.tag());
  try {
    const auto now = from_.registry.resolve(tagged, inquiry.counts, inquiry.stop);
    if (now && *now != *reference.digest())
      from_.log.warning("TagMoved", "the tag points elsewhere; the digest in the spec stays",
                        {{"chart", inquiry.chart.name},
                         {"tag", tagged.str()},
                         {"digest", reference.digest()->str()},
                         {"now", now->str()}});
  } catch (const Error& error) {
    if (error.reason() == Reason::cancelled)
      throw;
    if (error.reason() != Reason::not_found)
      from_.log.warning("TagUnchecked", "the tag beside the digest could not be checked",
                        {{"chart", inquiry.chart.name}, {"error", std::string(error.what())}});
  }
}

// By digest, so that the tag cannot move in between. A registry that cannot serve by digest what it
// just named (caching proxies do this) is asked by tag once.
FetchedManifest Resolver::fetch_manifest(Inquiry& inquiry, const Reference& reference,
                                         const Digest& digest) const {
  const Reference exact = reference.with_digest(digest);
  if (from_.terms.offline)
    throw offline_miss("the manifest " + exact.str());
  try {
    return from_.registry.manifest(exact, inquiry.counts, inquiry.stop);
  } catch (Error& error) {
    if (from_.terms.lock)
      throw error.hint("ocisync lock --only " + inquiry.chart.name + " finds what there is now");
    const bool unreliable =
        error.reason() == Reason::not_found || error.reason() == Reason::digest_mismatch;
    if (!unreliable || !reference.tag() || reference.digest())
      throw;
    from_.log.warning("DigestHeaderUnreliable",
                      "the registry does not serve the digest it named; asking by tag",
                      {{"chart", inquiry.chart.name}, {"digest", digest.str()}});
    return from_.registry.manifest(reference, inquiry.counts, inquiry.stop);
  }
}

std::optional<BlobFile> Resolver::cached(const Digest& digest) const {
  return from_.cache ? from_.cache->find(digest) : std::nullopt;
}

void Resolver::keep(std::string_view bytes, const Digest& digest) const {
  if (from_.cache && !from_.cache->volume().read_only())
    from_.cache->keep(bytes, digest);
}

// What makes a classic chart is in the cache from select() on.
void Resolver::fetch(const Revision& revision, const Descriptor& descriptor,
                     const BlobTarget& target, TransferCounts& counts, std::stop_token stop) const {
  if (revision.source == ReferenceSource::classic)
    throw Error(Reason::storage_failed,
                descriptor.digest.str() + " was lost from the cache while it was needed");
  fetch_blob(revision.reference, descriptor, target, counts, std::move(stop));
}

void Resolver::fetch_blob(const Reference& reference, const Descriptor& descriptor,
                          const BlobTarget& target, TransferCounts& counts,
                          std::stop_token stop) const {
  if (from_.terms.offline)
    throw offline_miss(fmt::format("{} of {}", descriptor.digest.str(), reference.str()));
  from_.registry.blob(reference, descriptor, target, counts, stop);
}

std::string Resolver::read_blob(Inquiry& inquiry, const Reference& reference,
                                const Descriptor& descriptor, std::uint64_t limit) const {
  require_size(descriptor, limit);
  if (const auto blob = cached(descriptor.digest))
    return from_.cache->read(*blob, limit);
  PassingBlob blob(descriptor);
  fetch_blob(
      reference, descriptor,
      {.sink = blob, .offset = [&] { return blob.written(); }, .restart = [&] { blob.restart(); }},
      inquiry.counts, inquiry.stop);
  return blob.take();
}

// A manifest or config that an index leads to: from the cache, else from the registry.
std::string Resolver::document(Inquiry& inquiry, const Reference& reference,
                               const Descriptor& descriptor) const {
  const std::uint64_t limit = from_.spec.limits.manifest_size;
  if (const auto blob = cached(descriptor.digest))
    return from_.cache->read(*blob, limit);
  std::string bytes =
      descriptor.media_type == media_type::kHelmConfig
          ? read_blob(inquiry, reference, descriptor, kConfigLimit)
          : fetch_manifest(inquiry, reference.with_digest(descriptor.digest), descriptor.digest)
                .bytes;
  keep(bytes, descriptor.digest);
  return bytes;
}

SelectedChart Resolver::select(Inquiry& inquiry, Revision& revision) const {
  SelectedChart selected = revision.source == ReferenceSource::classic
                               ? RepositorySource(from_).select(inquiry, revision)
                               : select_by_manifest(inquiry, revision);
  require_locked(inquiry.chart, selected);
  return selected;
}

SelectedChart Resolver::select_by_manifest(Inquiry& inquiry, Revision& revision) const {
  std::string bytes, type;
  if (!revision.fetched) {
    if (const auto blob = cached(revision.resolved)) {
      bytes = from_.cache->read(*blob, from_.spec.limits.manifest_size);
    } else {
      revision.fetched = fetch_manifest(inquiry, revision.reference, revision.resolved);
      revision.resolved = revision.fetched->digest;
    }
  }
  if (revision.fetched) {
    bytes = revision.fetched->bytes;
    type = revision.fetched->media_type;
  }
  const Document read = parse_document(bytes, type);
  keep(bytes, revision.resolved);
  if (const auto* manifest = std::get_if<Manifest>(&read))
    return {Descriptor{std::string(media_type::kManifest), revision.resolved, bytes.size(), {}, {}},
            recognise_chart(*manifest)};
  const std::string version =
      revision.reference.tag() ? version_of_tag(*revision.reference.tag()) : std::string();
  return select_chart(std::get<Index>(read), revision.reference.base_name(), version,
                      [&](const Descriptor& descriptor) {
                        return document(inquiry, revision.reference, descriptor);
                      });
}

void Resolver::require_locked(const ChartSpec& chart, const SelectedChart& selected) const {
  const LockedChart* locked = from_.terms.lock ? from_.terms.lock->find(chart.name) : nullptr;
  const Descriptor& content = selected.chart.content;
  if (locked && (locked->content != content.digest || locked->content_size != content.size))
    throw Error(Reason::lock_mismatch,
                fmt::format("the lock file says content {} of {} bytes, its manifest {} of {}",
                            locked->content.str(), locked->content_size, content.digest.str(),
                            content.size))
        .hint("ocisync lock --only " + chart.name + " writes what is there");
}

std::vector<Descriptor> Resolver::missing(const Revision& revision,
                                          const SelectedChart& selected) const {
  std::vector<Descriptor> wanted = {selected.manifest, selected.chart.config,
                                    selected.chart.content};
  if (selected.chart.provenance)
    wanted.push_back(*selected.chart.provenance);
  if (revision.fetched && revision.resolved != selected.manifest.digest)
    wanted.push_back({std::string(media_type::kIndex),
                      revision.resolved,
                      revision.fetched->bytes.size(),
                      "",
                      {}});
  std::erase_if(wanted, [&](const Descriptor& descriptor) { return cached(descriptor.digest); });
  return wanted;
}

UnpackedChart Resolver::inspect(Inquiry& inquiry, const Revision& revision,
                                const SelectedChart& selected) const {
  const ChartManifest& chart = selected.chart;
  const LimitsSpec& limits = from_.spec.limits;
  if (revision.archive) {
    FileSource file(revision.archive->rewind(), "the chart archive");
    StoppableSource content(file, inquiry.stop);
    return at_stage("unpack", [&] { return inspect_chart(content, archive_limits(limits)); });
  }
  std::string meta, passing;
  if (chart.split())
    meta = at_stage("config", [&] {
      return read_blob(inquiry, revision.reference, chart.config, kConfigLimit);
    });
  const auto blob = cached(chart.content.digest);
  if (!blob)
    passing = at_stage("content", [&] {
      return read_blob(inquiry, revision.reference, chart.content, limits.archive_size);
    });
  return at_stage("unpack", [&] {
    const Fd fd = blob ? from_.cache->open(*blob) : Fd();
    FileSource file(fd.get(), chart.content.digest.str());
    MemorySource memory(as_bytes(passing));
    StoppableSource content(blob ? static_cast<Source&>(file) : memory, inquiry.stop);
    return inspect_chart_content(chart, content, meta, limits);
  });
}

}  // namespace ocisync
