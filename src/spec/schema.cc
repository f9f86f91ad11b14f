#include "spec/schema.h"

#include <fmt/format.h>

#include "base/document.h"
#include "spec/codec.h"
#include "spec/quantity.h"

namespace ocisync {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

template <typename Value>
auto of_spec(Value Spec::*member) {
  return [member](auto& draft) -> auto& { return draft.spec.*member; };
}

Object<RetrySpec> retry_schema() {
  return Object<RetrySpec>(
             {
                 field<RetrySpec>("min", &RetrySpec::min, duration(milliseconds(1)),
                                  "The wait after a chart's first failure; it doubles from there."),
                 field<RetrySpec>("max", &RetrySpec::max, duration(milliseconds(1)),
                                  "The longest wait."),
             })
      .check([](Reading& reading, const YamlValue& map, RetrySpec& retry) {
        if (retry.min > retry.max)
          reading.complain(map.at,
                           fmt::format("min {} is longer than max {}", format_duration(retry.min),
                                       format_duration(retry.max)));
      });
}

Object<CacheSpec> cache_schema() {
  return Object<CacheSpec>({
      field<CacheSpec>("path", &CacheSpec::path, file(),
                       "Where the cache is; it may lie inside the export volume. Default: --cache, "
                       "OCISYNC_CACHE, $HELM_HOME/registry, ~/.helm/registry.")
          .restart()
          .sample("/var/cache/ocisync"),
      field<CacheSpec>("maxSize", &CacheSpec::max_size, size(0),
                       "Above this size unnamed content goes, least recently used first."),
      field<CacheSpec>("minAge", &CacheSpec::min_age, duration(seconds(0)),
                       "Unnamed content younger than this stays, unless maxSize presses."),
      field<CacheSpec>("groupWrite", &CacheSpec::group_write, flag(),
                       "Whether the group of the cache's files may write them."),
  });
}

Object<ExportSpec> export_schema() {
  return Object<ExportSpec>(
             {
                 field<ExportSpec>("path", &ExportSpec::path, file(),
                                   "The directory that shows the charts to readers.")
                     .restart()
                     .sample("/charts"),
                 field<ExportSpec>(
                     "layout", &ExportSpec::layout, layout_choice(),
                     "How a chart stands there: a relative link to an immutable tree, a real "
                     "directory that is swapped in one step, or all charts below one link, "
                     "current, that switches them together."),
                 field<ExportSpec>(
                     "format", &ExportSpec::format, format_choice(),
                     "What is published: the chart's files, the archive as the registry serves "
                     "it, or both side by side."),
                 field<ExportSpec>(
                     "prune", &ExportSpec::prune, flag(),
                     "Withdraw the exports of charts that left the spec; only this owner's."),
                 field<ExportSpec>("allowEmpty", &ExportSpec::allow_empty, flag(),
                                   "Whether the list of charts may be empty."),
                 field<ExportSpec>("keepRevisions", &ExportSpec::keep_revisions, count(0, 1000),
                                   "How many superseded revisions of a chart are kept."),
                 field<ExportSpec>("keepFor", &ExportSpec::keep_for, duration(seconds(0)),
                                   "Superseded revisions younger than this are kept too."),
                 field<ExportSpec>(
                     "onFailure", &ExportSpec::on_failure,
                     choice<OnFailure>("a failure policy",
                                       {{OnFailure::keep_revision, "keepRevision"},
                                        {OnFailure::keep_generation, "keepGeneration"}}),
                     "Layout snapshot: a chart that fails keeps its old revision in the next "
                     "generation, or nothing switches while a required chart fails."),
                 field<ExportSpec>("groupWrite", &ExportSpec::group_write, flag(),
                                   "Modes 0775 and 0664 instead of 0755 and 0644."),
             })
      .check([](Reading& reading, const YamlValue& map, ExportSpec& exports) {
        const YamlValue* policy = map.find("onFailure");
        if (policy != nullptr && exports.layout != Layout::snapshot &&
            exports.on_failure == OnFailure::keep_generation) {
          const auto place = reading.inside("onFailure");
          reading.complain(policy->at,
                           "keepGeneration needs layout: snapshot (other layouts "
                           "publish chart by chart)");
        }
      });
}

Object<LimitsSpec> limits_schema() {
  constexpr std::uint64_t kMost = 1'000'000'000;
  return Object<LimitsSpec>({
      field<LimitsSpec>("archiveSize", &LimitsSpec::archive_size, size(1), "The packed chart."),
      field<LimitsSpec>("unpackedSize", &LimitsSpec::unpacked_size, size(1),
                        "All files of a chart together."),
      field<LimitsSpec>("fileSize", &LimitsSpec::file_size, size(1), "One file of a chart."),
      field<LimitsSpec>("entries", &LimitsSpec::entries, count(1, kMost),
                        "Files and directories of a chart."),
      field<LimitsSpec>("ratio", &LimitsSpec::ratio, count(1, kMost),
                        "Unpacked bytes for each packed one."),
      field<LimitsSpec>("manifestSize", &LimitsSpec::manifest_size, size(1),
                        "A manifest or an index of a registry."),
  });
}

// The fields of `spec` that say when and how hard to work.
std::vector<Field<SpecDraft>> pace_fields() {
  return {
      field<SpecDraft>("interval", of_spec(&Spec::interval), duration(seconds(1)),
                       "Sidecar: how often each chart is checked."),
      field<SpecDraft>("jitter", of_spec(&Spec::jitter_percent), percent(),
                       "By how much a chart's interval varies, so that charts spread out."),
      part<SpecDraft>("retry", of_spec(&Spec::retry), retry_schema(),
                      "The back-off of a failing chart; never shorter than a registry's "
                      "Retry-After."),
      field<SpecDraft>("timeout", of_spec(&Spec::timeout), duration(milliseconds(1)),
                       "The bound of one step that is not a body: connect, answer, token, unpack."),
      field<SpecDraft>("stallTimeout", of_spec(&Spec::stall_timeout), duration(milliseconds(1)),
                       "A body slower than 1 KiB/s for this long is cut and resumed; a slow but "
                       "steady one never is."),
      field<SpecDraft>("acceptStale", of_spec(&Spec::accept_stale), duration(seconds(0)),
                       "A chart that cannot be checked still counts as in place if it was "
                       "confirmed less than this ago."),
      field<SpecDraft>("concurrency", of_spec(&Spec::concurrency), count(1, 256),
                       "Charts in flight at once."),
      field<SpecDraft>("suspend", of_spec(&Spec::suspend), flag(),
                       "Leave everything as it is until this is false again."),
  };
}

std::vector<Field<SpecDraft>> spec_fields() {
  std::vector<Field<SpecDraft>> fields = pace_fields();
  fields.push_back(part<SpecDraft>("cache", of_spec(&Spec::cache), cache_schema(),
                                   "What was downloaded, kept for next time."));
  fields.push_back(part<SpecDraft>("export", of_spec(&Spec::exports), export_schema(),
                                   "How charts are shown to readers."));
  fields.push_back(
      part<SpecDraft>("http", of_spec(&Spec::http), http_schema(), "Health, metrics and status."));
  fields.push_back(list<SpecDraft>("hooks", of_spec(&Spec::hooks), hook_schema(),
                                   "What to do around a publication.")
                       .joined());
  fields.push_back(part<SpecDraft>("limits", of_spec(&Spec::limits), limits_schema(),
                                   "What a registry may send before it is refused."));
  fields.push_back(later<SpecDraft>(verify_shape("The verification policy of every chart.")));
  fields.push_back(list<SpecDraft>("registries", of_spec(&Spec::registries), registry_schema(),
                                   "How to reach registries that need more than their name. An "
                                   "exact host beats a wildcard, the longest path prefix wins.")
                       .joined());
  fields.push_back(
      list<SpecDraft>("charts", &SpecDraft::charts, chart_schema(), "The charts to keep in place.")
          .joined());
  return fields;
}

Object<SpecDraft> metadata_schema() {
  const auto keep_name = [](Reading& reading, std::string name, const Position& at,
                            SpecDraft& draft) {
    if (draft.name.given && draft.name.value != name)
      reading.complain(at, fmt::format("is another name than at {} (files that are read together "
                                       "have one owner)",
                                       reading.position(draft.name.at)));
    else if (!draft.name.given)
      draft.name = {std::move(name), at, true, false};
  };
  return Object<SpecDraft>({
      acting<SpecDraft>("name",
                        text({"an owner's name", "a-z, 0-9 and inner hyphens or dots, at most 63",
                              "[a-z0-9]([-a-z0-9.]{0,61}[a-z0-9])?"}),
                        keep_name, "The owner of what is exported and cached for this spec.")
          .required()
          .joined()
          .sample("platform"),
  });
}

}  // namespace

Codec<Layout> layout_choice() {
  return choice<Layout>("a layout", {{Layout::symlink, "symlink"},
                                     {Layout::directory, "directory"},
                                     {Layout::snapshot, "snapshot"}});
}

Codec<ExportFormat> format_choice() {
  return choice<ExportFormat>("a format", {{ExportFormat::directory, "directory"},
                                           {ExportFormat::archive, "archive"},
                                           {ExportFormat::both, "both"}});
}

Object<SpecDraft> spec_schema() {
  const auto nothing_more = [](Reading&, bool, const Position&, SpecDraft&) {};
  return Object<SpecDraft>(
             {
                 acting<SpecDraft>(
                     "apiVersion",
                     choice<bool>("a version of the format", {{true, std::string(kApiVersion)}}),
                     nothing_more, "The format of this file.")
                     .required()
                     .joined()
                     .sample(kApiVersion),
                 acting<SpecDraft>("kind", choice<bool>("a kind", {{true, "ChartSync"}}),
                                   nothing_more, "What this file describes.")
                     .required()
                     .joined()
                     .sample("ChartSync"),
                 section<SpecDraft>("metadata", metadata_schema(), "Whose this is."),
                 section<SpecDraft>(
                     "spec", Object<SpecDraft>(spec_fields()),
                     "What is wanted. Several files may be read together: their charts "
                     "and registries are joined, everything else is set in one."),
             })
      .extensions();
}

Shape spec_shape() { return spec_schema().shape(); }

}  // namespace ocisync
