#include <algorithm>

#include <fmt/format.h>

#include "app/commands.h"
#include "app/options.h"
#include "app/output.h"
#include "app/signals.h"
#include "app/wiring.h"
#include "base/document.h"
#include "base/json.h"
#include "reconcile/repository_source.h"
#include "store/check.h"

namespace ocisync {
namespace {

// Looks for a blob's descriptor in a cached manifest, or in the manifests of a cached index.
std::optional<Descriptor> find_descriptor(BlobCache& cache, const Digest& manifest,
                                          const Digest& wanted, std::uint64_t limit,
                                          int depth = 0) {
  const auto blob = cache.find(manifest);
  if (!blob || depth > 3)
    return std::nullopt;
  const Document document = parse_document(cache.read(*blob, limit), "");
  if (const auto* index = std::get_if<Index>(&document)) {
    for (const Descriptor& entry : index->manifests)
      if (auto found = find_descriptor(cache, entry.digest, wanted, limit, depth + 1))
        return found;
    return std::nullopt;
  }
  const auto& read = std::get<Manifest>(document);
  if (read.config.digest == wanted)
    return read.config;
  const auto layer = std::find_if(read.layers.begin(), read.layers.end(),
                                  [&](const Descriptor& entry) { return entry.digest == wanted; });
  return layer == read.layers.end() ? std::nullopt : std::optional(*layer);
}

// Fetches damaged blobs again through the references that lead to them.
class Repair {
 public:
  Repair(const SpecOptions& options, const Spec& spec, const Volume& volume, const Clock& clock,
         Log& log)
      : spec_(spec),
        volume_(volume),
        cache_(volume),
        references_(volume),
        log_(log),
        registry_(options, spec, clock, log) {}

  // False: no reference leads to it, or the registry has it no more.
  bool repair(const DamagedBlob& blob, std::stop_token stop) {
    discard_damaged(volume_, blob.digest);
    return std::any_of(blob.leads.begin(), blob.leads.end(),
                       [&](const Lead& lead) { return fetch(blob, lead, stop); });
  }

 private:
  bool fetch(const DamagedBlob& blob, const Lead& lead, std::stop_token stop) {
    if (lead.source == ReferenceSource::classic)
      return fetch_classic(blob, lead, std::move(stop));
    TransferCounts counts;
    if (lead.manifest == blob.digest) {
      const auto fetched =
          registry_.client().manifest(lead.reference.with_digest(blob.digest), counts, stop);
      cache_.keep(fetched.bytes, blob.digest);
      return true;
    }
    const auto descriptor = lead.manifest ? find_descriptor(cache_, *lead.manifest, blob.digest,
                                                            spec_.limits.manifest_size)
                                          : std::nullopt;
    if (!descriptor)
      return false;
    cache_.ensure(
        *descriptor,
        [&](BlobWriter& writer) {
          const BlobTarget target{.sink = writer,
                                  .offset = [&] { return writer.written(); },
                                  .restart = [&] { writer.restart(); }};
          registry_.client().blob(lead.reference, *descriptor, target, counts, stop);
        },
        stop);
    return true;
  }

  // A cached reference does not tell where its repository is: the spec does.
  bool fetch_classic(const DamagedBlob& blob, const Lead& lead, std::stop_token stop) {
    const auto leads_to = [&](const ChartSpec& chart) {
      return chart.repository && (chart.range ? chart.reference.name() == lead.reference.name()
                                              : chart.reference == lead.reference);
    };
    const auto chart = std::find_if(spec_.charts.begin(), spec_.charts.end(), leads_to);
    if (chart == spec_.charts.end())
      return false;
    const Sources sources{spec_, registry_.client(), &cache_, &references_, log_, {}};
    Inquiry inquiry{.chart = *chart, .stop = std::move(stop)};
    Revision revision{
        .reference = lead.reference, .resolved = lead.content, .source = ReferenceSource::classic};
    RepositorySource(sources).select(inquiry, revision);
    return cache_.find(blob.digest).has_value();
  }

  const Spec& spec_;
  const Volume& volume_;
  BlobCache cache_;
  ReferenceStore references_;
  Log& log_;
  RegistryWiring registry_;
};

Json to_json(const DamagedBlob& blob, bool repaired) {
  Json references = Json::array();
  for (const Lead& lead : blob.leads)
    references.add(lead.reference.str());
  Json entry = Json::object();
  entry.set("digest", blob.digest.str());
  entry.set("references", std::move(references));
  entry.set("repaired", repaired);
  return entry;
}

std::string line_of(const DamagedBlob& blob, bool repaired) {
  std::string names;
  for (const Lead& lead : blob.leads)
    names += (names.empty() ? "" : ", ") + lead.reference.str();
  return fmt::format("{}: {} ({})\n", blob.digest.str(), repaired ? "fetched again" : "damaged",
                     names.empty() ? "no reference leads to it" : names);
}

struct CacheCheckOptions {
  SpecOptions spec;
  LogOptions log;
  std::optional<OutputFormat> output;
  bool repair = false;
};

void declare_cache_check(Flags& flags, CacheCheckOptions& options) {
  declare_cache(flags, options.spec);
  flags.toggle("repair", options.repair, "Fetch what is damaged again");
  declare_output(flags, options.output);
  declare(flags, options.log);
}

int run_cache_check(const CacheCheckOptions& options) {
  Signals signals;
  const auto log = make_log(options.log);
  const Spec spec = load_spec_if_given(options.spec, *log);
  const RealClock clock;
  const std::filesystem::path path = cache_path(options.spec, spec);
  const std::optional<Volume> volume =
      options.repair ? Volume::open(path, spec.cache.group_write ? kGroupModes : kDefaultModes)
                     : Volume::open_read_only(path);
  const CheckReport report = volume ? check_cache(*volume) : CheckReport{};

  std::string lines;
  Json damaged = Json::array();
  std::size_t left = 0;
  // Manifests first: they are what leads to the others.
  std::vector<DamagedBlob> todo = report.damaged;
  std::stable_partition(todo.begin(), todo.end(),
                        [](const DamagedBlob& b) { return b.is_manifest(); });
  std::optional<Repair> repair;
  if (options.repair && !todo.empty())
    repair.emplace(options.spec, spec, *volume, clock, *log);
  for (const DamagedBlob& blob : todo) {
    bool repaired = false;
    try {
      repaired = repair && repair->repair(blob, signals.stop());
    } catch (const Error& error) {
      log->error("RepairFailed", error.what(), {{"digest", blob.digest.str()}});
    }
    left += repaired ? 0 : 1;
    lines += line_of(blob, repaired);
    damaged.add(to_json(blob, repaired));
  }
  if (options.output == OutputFormat::json) {
    Json document = document_of_kind("CacheCheckResult");
    document.set("blobs", report.blobs);
    document.set("bytes", report.bytes);
    document.set("damaged", std::move(damaged));
    print(document.dump(2) + "\n");
  } else {
    print(fmt::format("{}{} blobs, {} damaged, {} left\n", lines, report.blobs,
                      report.damaged.size(), left));
  }
  return left == 0 ? 0 : 1;
}

}  // namespace

Command cache_check_command() {
  return make_command<CacheCheckOptions>("cache check",
                                         "Hash everything again, report what is damaged",
                                         declare_cache_check, run_cache_check);
}

}  // namespace ocisync
