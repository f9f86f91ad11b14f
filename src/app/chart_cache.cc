#include "app/chart_cache.h"

#include <fmt/format.h>

#include "app/wiring.h"
#include "base/document.h"
#include "base/error.h"
#include "base/text.h"
#include "store/layout_index.h"
#include "store/takeover.h"

namespace ocisync {
namespace {

Modes cache_modes(const Spec& spec) { return spec.cache.group_write ? kGroupModes : kDefaultModes; }

}  // namespace

void declare(Flags& flags, ChartOptions& options) {
  declare_cache(flags, options.spec);
  declare_output(flags, options.output);
  declare(flags, options.log);
}

void declare_reference(Flags& flags, ChartOptions& options) {
  flags.positional("REF", options.reference, "host[:port]/repository[:tag]");
}

Reference chart_reference(const std::string& text, Log& log) {
  Reference reference = Reference::parse(text);
  if (reference.tag() || reference.digest())
    return reference;
  log.info("DefaultTag", "Using default tag: latest");
  return reference.with_tag("latest");
}

std::string tag_text(const Reference& reference) {
  return reference.tag() ? *reference.tag() : reference.digest()->str();
}

std::unique_ptr<ChartCache> ChartCache::create(const SpecOptions& options, const Spec& spec,
                                               Log& log) {
  return std::make_unique<ChartCache>(Volume::open(cache_path(options, spec), cache_modes(spec)),
                                      log);
}

std::unique_ptr<ChartCache> ChartCache::find(const SpecOptions& options, const Spec& spec,
                                             Log& log) {
  auto as_it_is = Volume::open_read_only(cache_path(options, spec));
  if (!as_it_is)
    return nullptr;
  try {
    if (has_alpha_references(*as_it_is, ReferenceStore(*as_it_is)))
      return create(options, spec, log);
  } catch (const Error& error) {
    if (error.reason() != Reason::volume_unsuitable && error.reason() != Reason::disk_full)
      throw;
  }
  return std::make_unique<ChartCache>(*std::move(as_it_is), log);
}

ChartCache::ChartCache(Volume volume, Log& log)
    : volume_(std::move(volume)), blobs_(volume_), references_(volume_) {
  if (volume_.read_only())
    return;
  make_room_when_full(blobs_);
  take_over(log);
}

void ChartCache::take_over(Log& log) {
  const Takeover takeover = take_over_alpha(blobs_, references_);
  for (const std::string& reference : takeover.taken)
    log.info("TakenOver",
             "a reference that Helm 3 alpha saved has relative links and a manifest now",
             {{"ref", reference}});
  for (const std::string& why : takeover.refused)
    log.warning("ReferenceIgnored", why);
  if (!takeover.taken.empty())
    rebuild_layout_index(volume_, references_);
}

SavedChart require_saved_chart(ChartCache* cache, const Reference& reference) {
  auto saved = cache == nullptr ? std::nullopt
                                : find_saved_chart(cache->blobs(), cache->references(), reference);
  if (!saved)
    throw Error(Reason::not_found, fmt::format("{} is not in the cache", reference.str()))
        .hint("ocisync chart list shows what is");
  return *std::move(saved);
}

std::string chart_lines(const ReferenceEntry& entry) {
  // In a cache that others write to, what a link says may hold anything but a "/".
  return fmt::format("Name: {}\nVersion: {}\nMeta: {}\nContent: {}\n", printable(entry.name),
                     printable(entry.version), entry.meta.str(), entry.content.str());
}

Json chart_document(std::string_view verb, const Reference& reference,
                    const ReferenceEntry& entry) {
  Json document = document_of_kind("ChartResult");
  document.set("action", verb);
  document.set("ref", reference.str());
  document.set("name", entry.name);
  document.set("version", entry.version);
  document.set("meta", entry.meta.str());
  document.set("content", entry.content.str());
  if (entry.manifest)
    document.set("manifest", entry.manifest->str());
  return document;
}

}  // namespace ocisync
