#include "export/retention.h"

#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "base/error.h"
#include "base/text.h"
#include "export/leftovers.h"
#include "export/publisher_state.h"

namespace ocisync {
namespace {

// One clean-up, under the publishers' lock: what is judged here must not be published meanwhile.
class CleanUp {
 public:
  CleanUp(const Ledger& ledger, const TreeStore& trees, const SetAside& set_aside,
          const ExportSpec& spec, WallTime now)
      : ledger_(ledger), trees_(trees), set_aside_(set_aside), spec_(spec), now_(now) {}

  // Sorts every revision into named and expired, and cuts the owner's histories to what stays.
  void judge(const std::string& owner) {
    for (LedgerEntry& entry : ledger_.all()) {
      named_.insert(entry.publication.tree());
      if (entry.publication.owner == owner) {
        own_paths_.insert(entry.publication.path);
        judge_own(entry);
      } else {
        foreign_paths_.insert(entry.publication.path);
        for (const Superseded& superseded : entry.history)
          named_.insert(superseded.tree);
      }
    }
  }

  // Whether the owner has accepted anything for generations to come.
  bool accepts_for_snapshot(const std::string& owner) const {
    const auto entries = ledger_.all();
    return std::any_of(entries.begin(), entries.end(), [&](const LedgerEntry& entry) {
      return entry.publication.owner == owner && is_snapshot_path(entry.publication.path);
    });
  }

  // What a link shows stays, whatever the ledger says: an entry may be lost, or ahead of its link.
  void spare_links(const Directory& root) {
    for (const std::string& name : root.names())
      if (const auto target = root.read_link(name))
        spare(parse_link_target(name, *target));
    for (const std::string& path : ledger_.paths())
      if (path.find('/') != std::string::npos)
        spare(Site::at(root, path).tree());
  }

  void spare_generations(const ExportVolume& volume, const std::string& own) {
    each_tree_of_generations(volume, [&](const std::string& owner, const TreeName& tree) {
      named_.insert(tree);
      in_generations_.insert(tree);
      if (owner == own)
        kept_.insert(tree.manifest);
    });
  }

  // A step that may fail without spoiling the others.
  template <typename Step>
  void attempt(std::string_view what, Step step) {
    try {
      step();
    } catch (const Error& error) {
      if (report_.failures++ == 0)
        report_.first_failure = fmt::format("{}: {}", printable(what, 1024), error.what());
    }
  }

  void remove_trees() {
    for (const TreeStore::Kept& tree : trees_.list()) {
      const TreeName name{tree.format, tree.manifest};
      if (named_.contains(name) || (!expired_.contains(name) && !abandoned(tree.used)))
        continue;
      attempt(relative_path(name), [&] {
        trees_.remove(tree.format, tree.manifest);
        ++report_.removed;
      });
    }
  }

  void remove_set_aside() {
    for (const std::string& path : set_aside_.paths()) {
      if (foreign_paths_.contains(path))
        continue;
      const bool own = own_paths_.contains(path);
      std::size_t index = 0;
      for (const SetAside::Item& item : set_aside_.items(path)) {
        const bool stay = own ? stays(index++, item.at) : !abandoned(item.at);
        if (stay)
          continue;
        attempt(item.name, [&] {
          set_aside_.remove(path, item);
          ++report_.removed;
        });
      }
      set_aside_.forget(path);
    }
  }

  RetentionReport report() && {
    report_.kept.assign(kept_.begin(), kept_.end());
    return std::move(report_);
  }

 private:
  bool stays(std::size_t index, WallTime superseded) const {
    return index < spec_.keep_revisions || superseded + spec_.keep_for > now_;
  }

  bool abandoned(WallTime used) const {
    return used + std::max(kLeftoverAge, spec_.keep_for) < now_;
  }

  void judge_own(LedgerEntry& entry) {
    std::vector<Superseded> staying;
    for (std::size_t i = 0; i < entry.history.size(); ++i) {
      const Superseded& superseded = entry.history[i];
      // What a generation holds stays in the history, to expire when that goes.
      if (!stays(i, superseded.at) && !in_generations_.contains(superseded.tree)) {
        expired_.insert(superseded.tree);
        continue;
      }
      named_.insert(superseded.tree);
      kept_.insert(superseded.tree.manifest);
      staying.push_back(superseded);
    }
    if (staying.size() == entry.history.size())
      return;
    entry.history = std::move(staying);
    // A full disk refuses this, and there it matters most that trees go.
    attempt(entry.publication.path, [&] { ledger_.write(entry); });
  }

  void spare(const std::optional<TreeName>& tree) {
    if (tree)
      named_.insert(*tree);
  }

  const Ledger& ledger_;
  const TreeStore& trees_;
  const SetAside& set_aside_;
  const ExportSpec& spec_;
  const WallTime now_;
  std::set<TreeName> named_, in_generations_, expired_;
  std::set<Digest> kept_;
  std::set<std::string> own_paths_, foreign_paths_;
  RetentionReport report_;
};

}  // namespace

RetentionReport retain(Publisher& publisher, const ExportSpec& spec, WallTime now) {
  Publisher::State& state = *publisher.state_;
  CleanUp clean_up(state.ledger, state.trees, state.set_aside, spec, now);
  {
    const auto hold = state.lock.hold();
    if (spec.layout != Layout::snapshot && !clean_up.accepts_for_snapshot(state.owner))
      clean_up.attempt("the generations", [&] { state.snapshot.withdraw(); });
    clean_up.spare_generations(state.volume, state.owner);
    clean_up.judge(state.owner);
    clean_up.spare_links(*state.volume.root());
    clean_up.remove_trees();
    clean_up.remove_set_aside();
  }
  clean_up.attempt("leftovers", [&] { sweep_leftovers(state.volume, now); });
  return std::move(clean_up).report();
}

}  // namespace ocisync
