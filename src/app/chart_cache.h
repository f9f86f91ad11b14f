#pragma once

#include <memory>
#include <optional>
#include <string>

#include "app/command.h"
#include "app/options.h"
#include "base/json.h"
#include "base/log.h"
#include "reconcile/saved_chart.h"
#include "spec/spec.h"

namespace ocisync {

// What every chart verb takes.
struct ChartOptions {
  SpecOptions spec;
  LogOptions log;
  std::optional<OutputFormat> output;
  std::string reference;
};

void declare(Flags& flags, ChartOptions& options);
void declare_reference(Flags& flags, ChartOptions& options);

// The reference as a verb means it: without tag or digest it is :latest, which the log tells.
Reference chart_reference(const std::string& text, Log& log);

// "2.7.0", or the digest of a reference that has no tag: how a verb's last line begins.
std::string tag_text(const Reference& reference);

// The cache that a chart verb works on. What Helm 3 alpha left in it is taken over when it opens,
// and the log tells.
class ChartCache {
 public:
  // Creates what is missing.
  static std::unique_ptr<ChartCache> create(const SpecOptions& options, const Spec& spec, Log& log);
  // For verbs that only read: nothing is written but what a takeover takes, and one that cannot be
  // written to is read as it is. Null: there is none.
  static std::unique_ptr<ChartCache> find(const SpecOptions& options, const Spec& spec, Log& log);

  ChartCache(Volume volume, Log& log);

  const Volume& volume() const { return volume_; }

  BlobCache& blobs() { return blobs_; }

  const ReferenceStore& references() const { return references_; }

 private:
  void take_over(Log& log);

  Volume volume_;
  BlobCache blobs_;
  ReferenceStore references_;
};

// Throws not_found that says so. `cache` may be null.
SavedChart require_saved_chart(ChartCache* cache, const Reference& reference);

// The lines Name, Version, Meta and Content.
std::string chart_lines(const ReferenceEntry& entry);
// The document of -o json: the verb's members are added by it.
Json chart_document(std::string_view verb, const Reference& reference, const ReferenceEntry& entry);

}  // namespace ocisync
