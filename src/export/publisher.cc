#include "export/publisher.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/error.h"
#include "base/text.h"
#include "export/publisher_state.h"

namespace ocisync {
namespace {

constexpr std::size_t kHistoryLimit = 50;

Error conflict(std::string message) {
  return Error(Reason::path_conflict, std::move(message))
      .hint("move it away, or give the chart another export.path");
}

std::string described(const Publication& publication) {
  return fmt::format("{} is published by {} for its chart {}", printable(publication.path, 4096),
                     printable(publication.owner), printable(publication.chart));
}

// "a" and "a/b" for "a/b/c".
std::vector<std::string> paths_above(const std::string& path) {
  std::vector<std::string> result;
  for (auto at = path.find('/'); at != std::string::npos; at = path.find('/', at + 1))
    result.push_back(path.substr(0, at));
  return result;
}

// What to say of a directory that is not ours: often it holds the exports of nested paths.
std::string description_of_foreign(const Ledger& ledger, const std::string& path,
                                   const Site& site) {
  for (const std::string& other : ledger.paths())
    if (other.starts_with(path + "/"))
      if (const auto entry = ledger.find(other))
        return fmt::format("{} holds another export: {}", printable(path, 4096),
                           described(entry->publication));
  return site.description() + " that was not published here";
}

}  // namespace

Publisher::State::State(ExportVolume opened, std::string name, const ExportSpec& spec)
    : volume(std::move(opened)),
      owner(std::move(name)),
      history_limit(std::max<std::size_t>(kHistoryLimit, spec.keep_revisions)),
      ledger(volume),
      set_aside(volume),
      trees(volume),
      lock(volume, "publications.lock"),
      sync([this] { volume.control()->sync_volume(); }),
      seals(volume) {}

bool Publisher::State::our_directory(const std::optional<LedgerEntry>& entry,
                                     const Directory& directory) const {
  return (entry && entry->directory_stands) || trees.original_of(directory);
}

Holding Publisher::State::require_ours(const std::string& path) const {
  for (const std::string& above : paths_above(path))
    if (const auto entry = ledger.find(above))
      throw conflict(described(entry->publication) + ", and exports cannot be nested");
  Holding holding{ledger.find(path), Site::at(*volume.root(), path)};
  if (holding.entry && holding.entry->publication.owner != owner)
    throw conflict(described(holding.entry->publication));
  switch (holding.site.kind()) {
    case Site::Kind::nothing:
    case Site::Kind::link:
      break;
    case Site::Kind::directory:
      if (!our_directory(holding.entry, holding.site.open()))
        throw conflict(description_of_foreign(ledger, path, holding.site));
      break;
    case Site::Kind::foreign:
      throw conflict(holding.site.description() + " that was not published here");
  }
  return holding;
}

bool Publisher::State::intact(const std::string& path, const TreeName& tree, const Directory& shown,
                              const TreeRecord& record) const {
  const bool known = hashed.with([&](const auto& paths) {
    const auto found = paths.find(path);
    return found != paths.end() && found->second == tree;
  });
  auto stamp = compare(shown, record, volume.modes(), Scrutiny::changed);
  if (stamp && !known && !seals.holds(path, tree, *stamp)) {
    stamp = compare(shown, record, volume.modes(), Scrutiny::all);
    if (stamp && volume.writable())
      seals.set(path, tree, *stamp);
  }
  hashed.with([&](auto& paths) {
    if (stamp)
      paths.insert_or_assign(path, tree);
    else
      paths.erase(path);
  });
  return stamp.has_value();
}

PublishedState Publisher::State::examine_link(const Publication& record,
                                              const TreeName& shown) const {
  if (record.layout != Layout::symlink || shown != record.tree())
    return PublishedState::other_revision;
  const auto wanted = trees.record(shown.format, shown.manifest);
  const auto tree = trees.open(shown.format, shown.manifest);
  return wanted && tree && intact(record.path, shown, *tree, *wanted) ? PublishedState::current
                                                                      : PublishedState::altered;
}

PublishedState Publisher::State::examine_directory(const Publication& record,
                                                   const Directory& directory) const {
  const auto wanted = trees.record(record.format, record.manifest);
  if (record.layout == Layout::directory && wanted &&
      intact(record.path, record.tree(), directory, *wanted))
    return PublishedState::current;
  const auto original = trees.original_of(directory);
  const auto entry = ledger.find(record.path);
  if (!original && !(entry && entry->directory_stands))
    return PublishedState::foreign;
  const bool other = record.layout != Layout::directory || (original && *original != record.tree());
  return other ? PublishedState::other_revision : PublishedState::altered;
}

PublishedState Publisher::State::examine_unrecorded(const std::string& path,
                                                    const Site& site) const {
  if (ledger.find(path))
    return PublishedState::foreign;
  switch (site.kind()) {
    case Site::Kind::nothing:
      return PublishedState::absent;
    case Site::Kind::link:
      return PublishedState::other_revision;
    case Site::Kind::directory:
      return our_directory(std::nullopt, site.open()) ? PublishedState::other_revision
                                                      : PublishedState::foreign;
    case Site::Kind::foreign:
      return PublishedState::foreign;
  }
  throw Error(Reason::internal, "unknown kind of site");
}

PublishedState Publisher::State::examine(const std::string& path,
                                         const std::optional<Publication>& record,
                                         const Site& site) const {
  if (!record)
    return examine_unrecorded(path, site);
  switch (site.kind()) {
    case Site::Kind::nothing:
      return PublishedState::absent;
    case Site::Kind::link:
      return examine_link(*record, site.tree().value());
    case Site::Kind::directory:
      return examine_directory(*record, site.open());
    case Site::Kind::foreign:
      return PublishedState::foreign;
  }
  throw Error(Reason::internal, "unknown kind of site");
}

Publisher::Publisher(std::unique_ptr<State> state) : state_(std::move(state)) {}

Publisher::Publisher(Publisher&&) noexcept = default;
Publisher::~Publisher() = default;

Publisher Publisher::open(const std::filesystem::path& path, std::string owner,
                          const ExportSpec& spec) {
  return Publisher(std::make_unique<State>(ExportVolume::open(path, spec), std::move(owner), spec));
}

std::optional<Publisher> Publisher::open_read_only(const std::filesystem::path& path,
                                                   std::string owner, const ExportSpec& spec) {
  auto volume = ExportVolume::open_read_only(path, spec);
  if (!volume)
    return std::nullopt;
  return Publisher(std::make_unique<State>(std::move(*volume), std::move(owner), spec));
}

TreeStore& Publisher::trees() { return state_->trees; }

std::shared_ptr<const Directory> Publisher::control() const { return state_->volume.control(); }

std::optional<Publication> Publisher::find(const std::string& path) const {
  auto entry = state_->ledger.find(path);
  if (!entry || entry->publication.owner != state_->owner)
    return std::nullopt;
  return std::move(entry->publication);
}

std::vector<Publication> Publisher::published() const {
  std::vector<Publication> result;
  for (LedgerEntry& entry : state_->ledger.all())
    if (entry.publication.owner == state_->owner)
      result.push_back(std::move(entry.publication));
  return result;
}

PublishedState Publisher::examine(const std::string& path,
                                  const std::optional<Publication>& record) const {
  return state_->examine(path, record, Site::at(*state_->volume.root(), path));
}

Publisher::Look Publisher::look(const std::string& path) const {
  Holding holding = state_->require_ours(path);
  Look result;
  if (holding.entry)
    result.publication = std::move(holding.entry->publication);
  result.state = state_->examine(path, result.publication, holding.site);
  return result;
}

}  // namespace ocisync
