// The half of the publisher that changes what readers see. Every step leaves a state that a reader
// may meet and that the next pass can tell and put right, because a kill may come after any of
// them.

#include <fmt/format.h>

#include "base/error.h"
#include "base/text.h"
#include "export/publisher_state.h"

namespace ocisync {
namespace {

void supersede(std::vector<Superseded>& history, const TreeName& tree, WallTime at) {
  std::erase_if(history, [&](const Superseded& old) { return old.tree == tree; });
  history.insert(history.begin(), {tree, at});
}

}  // namespace

CheckedTree Publisher::State::require_intact_tree(const Publication& publication) const {
  const auto refuse = [&](std::string_view what) {
    return Error(Reason::storage_failed,
                 fmt::format("the unpacked chart of {} {}", publication.manifest.str(), what));
  };
  auto record = trees.record(publication.format, publication.manifest);
  const auto tree = trees.open(publication.format, publication.manifest);
  if (!record || !tree)
    throw refuse("is missing");
  const auto stamp = compare(*tree, *record, volume.modes(), Scrutiny::changed);
  if (!stamp)
    throw refuse("was altered");
  return {*std::move(record), *stamp};
}

void Publisher::State::sync_to_disk(const Publication& publication) {
  try {
    sync.wait();
  } catch (const Error&) {
    trees.distrust(publication.format, publication.manifest);
    throw;
  }
}

Staged Publisher::State::stage(const Publication& publication, const Directory& staging) const {
  switch (publication.layout) {
    case Layout::symlink:
      return Staged::link(staging, link_target(publication.path, publication.tree()));
    case Layout::directory: {
      Staged staged = Staged::directory(staging);
      trees.copy_to(publication.format, publication.manifest, staged.open());
      staged.open_up(volume.modes().directory);
      return staged;
    }
    case Layout::snapshot:
      break;
  }
  throw Error(Reason::internal, "layout snapshot shows charts together");
}

// What was exchanged for the staged directory now has its name.
void Publisher::State::retire(const Staged& staged, const Directory& into, const Publication& old,
                              WallTime at) const {
  if (staged.home().status(staged.name()))
    staged.home().rename(staged.name(), into, SetAside::name(old.manifest, at));
}

// The entry that follows: what the path showed, and what it was meant to show, become history.
LedgerEntry Publisher::State::successor(const Holding& holding,
                                        const Publication& publication) const {
  LedgerEntry entry{publication, false, {}};
  if (holding.entry) {
    entry.history = holding.entry->history;
    supersede(entry.history, holding.entry->publication.tree(), publication.published);
  }
  if (holding.site.tree())
    supersede(entry.history, *holding.site.tree(), publication.published);
  std::erase_if(entry.history,
                [&](const Superseded& old) { return old.tree == publication.tree(); });
  if (entry.history.size() > history_limit)
    entry.history.erase(entry.history.begin() + static_cast<std::ptrdiff_t>(history_limit),
                        entry.history.end());
  entry.directory_stands =
      publication.layout == Layout::directory && holding.site.kind() == Site::Kind::directory;
  return entry;
}

void Publisher::State::record_claim(const Holding& holding, const LedgerEntry& entry) const {
  if (!holding.entry && ledger.claim(entry))
    return;
  if (!holding.entry)
    require_ours(entry.publication.path);  // on a volume without locks somebody was faster
  ledger.write(entry);
}

// One step for every case that readers may be looking at.
void Publisher::State::place(const Holding& holding, const Staged& staged, Layout layout) const {
  const Site& site = holding.site;
  const Directory parent = site.make_parent(*volume.root(), volume.modes().directory);
  if (site.kind() == Site::Kind::nothing) {
    if (!staged.home().rename_new(staged.name(), parent, site.name()))
      throw Error(Reason::path_conflict,
                  "something was put in place of " + printable(site.name()) + " meanwhile");
    return;
  }
  if (site.kind() == Site::Kind::link && layout == Layout::symlink) {
    staged.home().rename(staged.name(), parent, site.name());
    return;
  }
  if (staged.home().exchange(staged.name(), parent, site.name()))
    return;
  if (layout == Layout::directory)
    throw exchange_unsupported(volume.path());
  // From directory to link where directories cannot be exchanged: the one change with a gap.
  parent.rename(site.name(), staged.home(), private_name("old-"));
  staged.home().rename(staged.name(), parent, site.name());
}

void Publisher::State::undo(const Holding& holding, const std::string& path) const {
  try {
    if (holding.entry)
      ledger.write(*holding.entry);
    else
      ledger.erase(path);
    remove_empty_parents(*volume.root(), path);
  } catch (const Error&) {
    // An entry that is ahead of what its path shows is told by examine().
  }
}

std::optional<Publication> Publisher::State::show(const Publication& publication,
                                                  const Staged& staged) const {
  const Holding holding = require_ours(publication.path);
  if (!volume.find(relative_path(publication.tree())))
    throw Error(Reason::storage_failed,
                "the unpacked chart of " + publication.manifest.str() + " was removed meanwhile");
  // Made first, so that nothing but a rename is left to do after the exchange.
  const auto retired = holding.site.kind() == Site::Kind::directory
                           ? std::optional(set_aside.home(publication.path))
                           : std::nullopt;
  LedgerEntry entry = successor(holding, publication);
  record_claim(holding, entry);
  try {
    place(holding, staged, publication.layout);
  } catch (const Error&) {
    undo(holding, publication.path);
    throw;
  }
  if (publication.layout == Layout::directory && !entry.directory_stands) {
    entry.directory_stands = true;
    ledger.write(entry);
  }
  if (retired)
    retire(staged, *retired, holding.entry ? holding.entry->publication : publication,
           publication.published);
  for (const Superseded& superseded : entry.history)
    if (superseded.at == publication.published)
      trees.touch(superseded.tree.format, superseded.tree.manifest);
  return holding.entry ? std::optional(holding.entry->publication) : std::nullopt;
}

// Nothing but the ledger changes: readers see it with the next generation.
std::optional<Publication> Publisher::State::accept(const Publication& publication) const {
  const Holding holding = require_ours(publication.path);
  record_claim(holding, successor(holding, publication));
  return holding.entry ? std::optional(holding.entry->publication) : std::nullopt;
}

std::optional<Publication> Publisher::publish(const Publication& publication) {
  State& state = *state_;
  const CheckedTree tree = state.require_intact_tree(publication);
  state.require_ours(publication.path);  // before a copy is made in vain
  if (publication.layout == Layout::snapshot) {
    state.sync_to_disk(publication);
    const auto hold = state.lock.hold();
    auto replaced = state.accept(publication);
    state.note_intact(publication, tree);
    return replaced;
  }
  const Directory staging = state.volume.ensure("staging");
  const Staged staged = state.stage(publication, staging);
  state.sync_to_disk(publication);
  const auto hold = state.lock.hold();
  auto replaced = state.show(publication, staged);
  state.note_intact(publication, tree);
  return replaced;
}

void Publisher::State::note_intact(const Publication& publication, const CheckedTree& tree) const {
  const Site site = Site::at(*volume.root(), publication.path);
  const auto stamp = site.kind() == Site::Kind::directory
                         ? compare(site.open(), tree.record, volume.modes(), Scrutiny::changed)
                         : std::optional(tree.stamp);
  if (stamp)
    seals.set(publication.path, publication.tree(), *stamp);
  hashed.with([&](auto& paths) { paths.insert_or_assign(publication.path, publication.tree()); });
}

void Publisher::State::withdraw(const LedgerEntry& entry) const {
  const std::string& path = entry.publication.path;
  const Site site = Site::at(*volume.root(), path);
  const bool alone = !site.generation();  // what a generation holds goes with it
  if (alone && site.kind() == Site::Kind::link)
    site.parent()->remove_file(site.name());
  if (alone && site.kind() == Site::Kind::directory && our_directory(entry, site.open()))
    site.parent()->rename(
        site.name(), set_aside.home(path),
        SetAside::name(entry.publication.manifest, std::chrono::system_clock::now()));
  ledger.erase(path);
  seals.remove(path);
  trees.touch(entry.publication.format, entry.publication.manifest);
  for (const Superseded& superseded : entry.history)
    trees.touch(superseded.tree.format, superseded.tree.manifest);
  if (alone)
    remove_empty_parents(*volume.root(), path);
}

void Publisher::withdraw(const Publication& publication) {
  const auto hold = state_->lock.hold();
  const auto entry = state_->ledger.find(publication.path);
  if (entry && entry->publication.owner == state_->owner)
    state_->withdraw(*entry);
  state_->hashed.with([&](auto& paths) { paths.erase(publication.path); });
}

}  // namespace ocisync
