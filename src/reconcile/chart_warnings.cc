// What people want to know of a chart that is taken all the same.

#include <string>
#include <string_view>
#include <unordered_map>

#include "base/text.h"
#include "chart/metadata.h"
#include "reconcile/chart_task.h"

namespace ocisync {

// Names are allowed to disagree (the archive's Chart.yaml decides); people want to know.
void ChartTask::warn_of_mismatch(const ChartSpec& chart, const Revision& revision,
                                 const CachedChart& cached, const std::string& name,
                                 const std::string& version) {
  const auto warn = [&](std::string_view what, const std::string& elsewhere,
                        const std::string& own) {
    if (elsewhere != own)
      rooms_.log.warning("MetadataMismatch", "Chart.yaml says otherwise and decides",
                         {{"chart", chart.name},
                          {"what", std::string(what)},
                          {"found", elsewhere.empty() ? "nothing" : elsewhere},
                          {"chartYaml", own}});
  };
  warn("repository name",
       chart.repository ? chart.repository->chart : revision.reference.base_name(), name);
  if (revision.reference.tag() && Version::parse_loose(version_of_tag(*revision.reference.tag())))
    warn("tag", version_of_tag(*revision.reference.tag()), version);
  if (cached.manifest.split())
    return;
  try {
    const ChartMetadata config =
        read_chart_json(rooms_.cache.read(cached.config, kConfigLimit), name, version);
    warn("config name", config.name, name);
    warn("config version", config.version, version);
  } catch (const Error& error) {
    rooms_.log.warning("MetadataMismatch", "the config blob is not chart metadata",
                       {{"chart", chart.name}, {"error", std::string(error.what())}});
  }
}

// Such files are one file on other people's disks, and which of them is anybody's guess. One pair
// stands for all.
void ChartTask::warn_of_case(const ChartSpec& chart, const TreeRecord& tree) {
  std::unordered_map<std::string, std::string_view> known;
  for (const TreeEntry& entry : tree.entries) {
    if (entry.directory)
      continue;
    const auto [same, fresh] = known.emplace(lower(entry.path), entry.path);
    if (!fresh)
      return rooms_.log.warning(
          "CaseConflict", "files differ in upper and lower case alone",
          {{"chart", chart.name}, {"path", entry.path}, {"other", std::string(same->second)}});
  }
}

// Helm reads it still and says that it will not for ever.
void ChartTask::warn_of_legacy(const ChartSpec& chart, const ChartManifest& manifest) {
  if (manifest.format == ChartFormat::legacy)
    rooms_.log.warning(
        "LegacyFormat", "the format is deprecated: push the chart again",
        {{"chart", chart.name}, {"mediaType", std::string(media_type::kChartLegacy)}});
}

}  // namespace ocisync
