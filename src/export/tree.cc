#include "export/tree.h"

#include <chrono>

#include <sys/stat.h>

#include "base/error.h"
#include "export/staged.h"
#include "export/tree_copy.h"

namespace ocisync {
namespace {

constexpr std::uint64_t kTreeRecordLimit = 256ULL << 20;

std::string record_name(const Digest& manifest) {
  return file_name(manifest).append(kRecordSuffix);
}

WallTime wall_time(const timespec& time) {
  return WallTime(std::chrono::duration_cast<WallTime::duration>(
      std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec)));
}

std::optional<TreeRecord> read_record(const Directory& home, const Digest& manifest) {
  const auto text = home.read(record_name(manifest), kTreeRecordLimit);
  return text ? parse_tree_record(*text) : std::nullopt;
}

}  // namespace

std::optional<TreeRecord> TreeStore::record(ExportFormat format, const Digest& manifest) const {
  const auto home = volume_.find(trees_directory(format));
  return home ? read_record(*home, manifest) : std::nullopt;
}

// A thing of another kind in the tree's place is as good as none: it is altered, and replaced.
std::optional<Directory> TreeStore::open(ExportFormat format, const Digest& manifest) const {
  const auto home = volume_.find(trees_directory(format));
  return home ? find_directory(*home, file_name(manifest)) : std::nullopt;
}

TreeState TreeStore::check(ExportFormat format, const Digest& manifest, bool hash_all) const {
  const auto home = volume_.find(trees_directory(format));
  const auto status = home ? home->status(file_name(manifest)) : std::nullopt;
  if (!status)
    return TreeState::missing;
  const auto expected = read_record(*home, manifest);
  if (!expected)
    return TreeState::missing;
  if (!S_ISDIR(status->st_mode))
    return TreeState::altered;
  const auto tree = home->find(file_name(manifest));
  return tree ? check_copy(*tree, *expected, hash_all) : TreeState::missing;
}

TreeState TreeStore::check_copy(const Directory& copy, const TreeRecord& record,
                                bool hash_all) const {
  const Scrutiny scrutiny = hash_all ? Scrutiny::all : Scrutiny::changed;
  return compare(copy, record, volume_.modes(), scrutiny) ? TreeState::intact : TreeState::altered;
}

TreeRecord TreeStore::make(ExportFormat format, const Digest& manifest, const Fill& fill) {
  const Directory staging = volume_.ensure("staging");
  const Staged staged = Staged::directory(staging);
  const Directory into = staged.open();
  TreeRecord record = fill(into);
  record.entries = take_stock(into, std::move(record.entries), volume_.modes());
  staged.open_up(volume_.modes().directory);
  settle({format, manifest}, staging, staged.name(), record);
  return record;
}

// The record goes first: a tree that is there without one would be taken for damaged, the other
// way round nothing is there yet.
void TreeStore::settle(const TreeName& name, const Directory& staging, const std::string& staged,
                       TreeRecord& record) {
  const Directory home = volume_.ensure(trees_directory(name.format));
  const std::string final_name = file_name(name.manifest);
  const auto hold = lock_.hold();
  if (check(name.format, name.manifest, true) == TreeState::intact) {
    touch(name.format, name.manifest);
    record = this->record(name.format, name.manifest).value();
    return;
  }
  home.write_atomic(record_name(name.manifest), to_text(record), volume_.modes().file);
  if (staging.rename_new(staged, home, final_name))
    return;
  if (staging.exchange(staged, home, final_name))
    return;
  // No exchange here: readers of an altered tree see it missing for a moment.
  home.rename(final_name, staging, private_name("old-"));
  staging.rename(staged, home, final_name);
}

void TreeStore::copy_to(ExportFormat format, const Digest& manifest, const Directory& into) const {
  const auto tree = volume_.find(relative_path({format, manifest}));
  const auto expected = record(format, manifest);
  if (!tree || !expected)
    throw Error(Reason::storage_failed, "the tree of " + manifest.str() + " is missing");
  copy_tree(*tree, *expected, into, volume_.modes());
}

std::optional<TreeName> TreeStore::original_of(const Directory& copy) const {
  for (const Kept& kept : list()) {
    const auto expected = record(kept.format, kept.manifest);
    if (expected && compare(copy, *expected, volume_.modes(), Scrutiny::exact))
      return TreeName{kept.format, kept.manifest};
  }
  return std::nullopt;
}

void TreeStore::remove(ExportFormat format, const Digest& manifest) const {
  const auto home = volume_.find(trees_directory(format));
  if (!home)
    return;
  // Renamed away first, so that nobody finds half of it under its name.
  const Directory staging = volume_.ensure("staging");
  const std::string gone = private_name("old-");
  if (home->status(file_name(manifest)))
    home->rename(file_name(manifest), staging, gone);
  home->remove_file(record_name(manifest));
  staging.remove_tree(gone);
}

void TreeStore::distrust(ExportFormat format, const Digest& manifest) const {
  if (const auto home = volume_.find(trees_directory(format)))
    home->remove_file(record_name(manifest));
}

void TreeStore::touch(ExportFormat format, const Digest& manifest) const {
  if (const auto home = volume_.find(trees_directory(format)))
    home->touch(record_name(manifest));
}

std::vector<TreeStore::Kept> TreeStore::list() const {
  std::vector<Kept> result;
  for (const ExportFormat format : kExportFormats) {
    const auto home = volume_.find(trees_directory(format));
    if (!home)
      continue;
    for (const std::string& name : home->names()) {
      const auto manifest = parse_file_name(name);
      if (!manifest)
        continue;
      auto status = home->status(record_name(*manifest));
      if (!status)
        status = home->status(name);
      if (status)
        result.push_back({format, *manifest, wall_time(status->st_mtim)});
    }
  }
  return result;
}

}  // namespace ocisync
