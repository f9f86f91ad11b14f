#include "store/reference_store.h"

#include <algorithm>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include "base/error.h"
#include "base/text.h"
#include "store/blob_path.h"
#include "store/reference_links.h"
#include "store/reference_tree.h"
#include "store/staging.h"

namespace ocisync {
namespace {

constexpr int kWritings = 4;

std::string chart_folder(const std::string& name) { return "charts/" + name + "/versions"; }

std::string chart_path(const ChartLink& chart) {
  return chart_folder(chart.name) + "/" + chart.version;
}

std::optional<Digest> cached_blob(const Volume& volume, const std::optional<std::string>& target) {
  const auto digest = target ? blob_of_target(*target) : std::nullopt;
  return digest && blob_present(volume, *digest) ? digest : std::nullopt;
}

// What a set of links stands for, if all it needs is there.
std::optional<ReferenceEntry> resolve(const Volume& volume, const ReferenceLinks& links) {
  const auto chart = links.chart ? chart_of_target(*links.chart) : std::nullopt;
  if (!chart || !is_file_at(volume, chart_path(*chart)))
    return std::nullopt;
  const auto content = cached_blob(volume, links.content);
  const auto meta = cached_blob(volume, links.meta);
  if (!content || !meta)
    return std::nullopt;
  return ReferenceEntry{chart->name, chart->version, *content, *meta,
                        cached_blob(volume, links.manifest)};
}

ReferenceLinks links_for(const std::string& path, const ReferenceEntry& entry) {
  std::string up = "../";  // out of refs/
  for (std::size_t i = 0; i < split(path, '/').size(); ++i)
    up += "../";
  ReferenceLinks links;
  links.chart = up + chart_path({entry.name, entry.version});
  links.content = up + blob_path(entry.content);
  links.meta = up + blob_path(entry.meta);
  if (entry.manifest)
    links.manifest = up + blob_path(*entry.manifest);
  return links;
}

void require_file_names(const ReferenceEntry& entry) {
  for (const std::string& text : {entry.name, entry.version})
    if (!is_file_name(text))
      throw Error(Reason::chart_invalid,
                  fmt::format("'{}' cannot be a chart's name or version", printable(text)));
}

// False when it was there already.
bool note_chart(const Volume& volume, const ReferenceEntry& entry) {
  if (is_file_at(volume, chart_path({entry.name, entry.version})))
    return false;
  volume.root()
      .ensure(chart_folder(entry.name), volume.modes().directory)
      .write_atomic(entry.version, "-", volume.modes().file);
  return true;
}

void set_since(const Directory& place, WallTime since) {
  const auto time = std::chrono::duration_cast<std::chrono::nanoseconds>(since.time_since_epoch());
  timespec times[2] = {};
  times[0].tv_sec = times[1].tv_sec = time.count() / 1'000'000'000;
  times[0].tv_nsec = times[1].tv_nsec = time.count() % 1'000'000'000;
  ::utimensat(place.fd(), "content", times, AT_SYMLINK_NOFOLLOW);
}

}  // namespace

std::optional<ReferenceEntry> ReferenceStore::find(const Reference& reference) const {
  if (!reference.tag() && !reference.digest())
    return std::nullopt;
  const auto links = read_links(volume_.root(), "refs/" + reference_path(reference, source_));
  return links ? resolve(volume_, *links) : std::nullopt;
}

bool ReferenceStore::put(const Reference& reference, const ReferenceEntry& entry,
                         std::optional<WallTime> since) const {
  require_file_names(entry);
  const std::string path = reference_path(reference, source_);
  const ReferenceLinks wanted = links_for(path, entry);
  const bool new_chart = note_chart(volume_, entry);
  const auto standing = read_links(volume_.root(), "refs/" + path);
  if (standing == wanted)
    return new_chart;
  if (!since && standing && standing->content == wanted.content)
    if (const auto link = status_at(volume_, "refs/" + path + "/content"))
      since = modified(*link);
  const StagingDirectory staged(volume_);
  write_links(staged.directory(), wanted);
  if (since)
    set_since(staged.directory(), *since);
  const std::size_t slash = path.rfind('/');
  // A remove() of a neighbour may take the folder away before it holds anything.
  for (int attempts = kWritings;; --attempts) {
    try {
      const Directory folder =
          volume_.root().ensure("refs/" + path.substr(0, slash), volume_.modes().directory);
      staged.publish(folder, path.substr(slash + 1), volume_.modes().directory);
      return true;
    } catch (const Error& error) {
      if (attempts == 0 || error.reason() != Reason::storage_failed)
        throw;
    }
  }
}

WallTime ReferenceStore::kept_since(const Reference& reference, const ReferenceEntry& entry) const {
  const auto link = status_at(volume_, "refs/" + reference_path(reference, source_) + "/content");
  const auto blob = status_at(volume_, blob_path(entry.content));
  const WallTime now = std::chrono::system_clock::now();
  return std::min(link ? modified(*link) : now, blob ? modified(*blob) : now);
}

bool ReferenceStore::remove(const Reference& reference) const {
  return remove_reference(volume_, reference_path(reference, source_));
}

std::vector<std::string> ReferenceStore::tags(const Reference& repository) const {
  std::vector<std::string> result;
  const auto folder = volume_.root().find("refs/" + repository_path(repository, source_) + "/tags");
  if (!folder)
    return result;
  for (std::string& name : folder->names()) {
    const auto status = valid_tag(name) ? folder->status(name) : std::nullopt;
    if (status && S_ISDIR(status->st_mode) && find(repository.with_tag(name)))
      result.push_back(std::move(name));
  }
  return result;
}

void ReferenceStore::for_each(
    const std::function<void(const Reference&, const ReferenceEntry&)>& visit,
    const std::function<void(const Error&)>& unreadable) const {
  const auto visit_place = [&](const ReferencePlace& place) {
    if (!place.reference || place.reference->source != source_)
      return;
    if (const auto entry = resolve(volume_, place.links))
      visit(place.reference->reference, *entry);
  };
  walk_references(volume_, visit_place, unreadable);
}

}  // namespace ocisync
