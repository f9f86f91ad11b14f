#include "reconcile/comparison.h"

#include <map>

#include <fmt/format.h>
#include <sys/stat.h>

#include "base/error.h"
#include "base/unified_diff.h"
#include "export/site.h"
#include "reconcile/chart_tree.h"
#include "reconcile/plan.h"

namespace ocisync {
namespace {

constexpr std::uint64_t kMostText = 1ULL << 20;

// The files of a chart by path, and the two texts that are compared line by line. A text above 1
// MiB is absent.
struct ChartFiles {
  std::map<std::string, Digest> digests;
  std::map<std::string, std::optional<std::string>> texts;
};

bool is_compared_text(const std::string& path) {
  return path == "Chart.yaml" || path == "values.yaml";
}

ChartFiles files_of(const UnpackedChart& chart) {
  ChartFiles files;
  for (const ArchivedFile& file : chart.files)
    files.digests.emplace(file.path, file.digest);
  files.texts["Chart.yaml"] = chart.chart_yaml;
  if (files.digests.contains("values.yaml"))
    files.texts["values.yaml"] = chart.values_yaml;
  return files;
}

Digest digest_of(const Directory& directory, const std::string& name) {
  Hasher hasher;
  const auto fd = directory.open_file(name);
  if (!fd)
    return Digest::of("");
  FileSource source(fd->get(), directory.path_of(name));
  std::vector<std::byte> chunk(64 * 1024);
  while (const std::size_t count = source.read(chunk))
    hasher.update(Bytes(chunk).first(count));
  return hasher.finish();
}

// Anything but files and directories was put there by somebody else; it shows as a file that
// changes or goes.
void add_files(const Directory& directory, const std::string& prefix, int depth,
               ChartFiles& files) {
  for (const std::string& name : directory.names()) {
    const auto status = directory.status(name);
    if (!status)
      continue;
    const std::string path = prefix + name;
    if (S_ISDIR(status->st_mode)) {
      if (const auto below = depth > 0 ? directory.find(name) : std::nullopt)
        add_files(*below, path + "/", depth - 1, files);
      continue;
    }
    const bool regular = S_ISREG(status->st_mode);
    files.digests.emplace(path, regular ? digest_of(directory, name) : Digest::of(""));
    if (regular && is_compared_text(path))
      files.texts[path] = static_cast<std::uint64_t>(status->st_size) <= kMostText
                              ? directory.read(name, kMostText)
                              : std::nullopt;
  }
}

// What an exported archive holds; one that was altered may hold nothing that we could read.
ChartFiles files_in_archive(const Directory& directory, const Publication& published,
                            const LimitsSpec& limits) {
  const auto fd =
      directory.open_file(fmt::format("{}-{}.tgz", published.chart_name, published.chart_version));
  if (!fd)
    return {};
  try {
    FileSource source(fd->get(), directory.path().string());
    return files_of(inspect_chart(source, archive_limits(limits)));
  } catch (const Error&) {
    return {};
  }
}

// The directory that readers see at the path.
std::optional<Directory> shown(const Spec& spec, const ChartSpec& chart, Publisher& publisher,
                               const Publication& published) {
  const auto root = Directory::open_if_exists(*spec.exports.path);
  if (root) {
    const Site site = Site::at(*root, export_path(spec, chart));
    if (site.kind() == Site::Kind::directory)
      return site.open();
    if (site.kind() == Site::Kind::link)
      return publisher.trees().open(site.tree()->format, site.tree()->manifest);
  }
  if (published.layout == Layout::snapshot)
    return publisher.trees().open(published.format, published.manifest);
  return std::nullopt;
}

ChartFiles exported_files(const Spec& spec, const ChartSpec& chart, Publisher* publisher,
                          const std::optional<Publication>& published) {
  constexpr int kDepth = 64;
  ChartFiles files;
  if (!publisher || !published)
    return files;
  auto directory = shown(spec, chart, *publisher, *published);
  if (!directory)
    return files;
  if (published->format == ExportFormat::archive)
    return files_in_archive(*directory, *published, spec.limits);
  if (published->format == ExportFormat::both)
    directory = directory->find(published->chart_name);
  if (directory)
    add_files(*directory, "", kDepth, files);
  return files;
}

void add_text(ChartComparison& comparison, const std::string& name, const ChartFiles& before,
              const ChartFiles& after) {
  const auto text_in = [&](const ChartFiles& files) {
    const auto found = files.texts.find(name);
    return found == files.texts.end() ? std::optional<std::string>("") : found->second;
  };
  const auto old = text_in(before);
  const auto fresh = text_in(after);
  if (!old || !fresh)
    comparison.texts.push_back({name, {"too large to be shown line by line"}});
  else if (auto lines = unified_diff(*old, *fresh); !lines.empty())
    comparison.texts.push_back({name, std::move(lines)});
}

}  // namespace

ChartComparison compare_with_export(const Spec& spec, const ChartSpec& chart, Publisher* publisher,
                                    const std::optional<Publication>& published,
                                    const UnpackedChart& wanted) {
  const ChartFiles before = exported_files(spec, chart, publisher, published);
  const ChartFiles after = files_of(wanted);
  ChartComparison comparison;
  for (const auto& [path, digest] : after.digests) {
    const auto old = before.digests.find(path);
    if (old == before.digests.end())
      comparison.added.push_back(path);
    else if (old->second != digest)
      comparison.changed.push_back(path);
  }
  for (const auto& [path, digest] : before.digests)
    if (!after.digests.contains(path))
      comparison.removed.push_back(path);
  for (const char* name : {"Chart.yaml", "values.yaml"})
    add_text(comparison, name, before, after);
  return comparison;
}

}  // namespace ocisync
