#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>

#include "app/watch.h"
#include "app/wiring.h"
#include "reconcile/triggers.h"

namespace ocisync {

// Follows the files that a sidecar was started with: a spec that changed is read anew, charts whose
// Secrets or CA files changed are synced, certificates are replaced. What is wrong with a new spec
// is said in log, status and metric, and the old one stays. Everything happens on the triggers'
// thread; the calls may come from any.
class Reload {
 public:
  // The files that a sidecar is started with, for `triggers` to watch before they are read: so that
  // no change after that is missed.
  static Triggers::Paths spec_files(const WatchOptions& options);

  // `triggers` was not started yet.
  Reload(const WatchOptions& options, std::unique_ptr<Triggers> triggers, Wiring& wiring,
         Service& service, Log& log);

  void now();  // reads the spec again and syncs everything

  void sync() { wiring_.reconciler().sync_now(); }

 private:
  void changed(const Triggers::Paths& paths);
  void read_spec();
  void keep_what_needs_a_restart(Spec& spec) const;
  void watch_files();

  const WatchOptions& options_;
  Wiring& wiring_;
  Service& service_;
  Log& log_;
  const Triggers::Paths spec_files_;
  Triggers::Paths server_files_;
  std::filesystem::path pin_;  // of layout snapshot; empty: another layout
  std::map<std::filesystem::path, std::set<std::string>> charts_;  // by a file that they need
  const std::unique_ptr<Triggers> triggers_;                       // ends first
};

}  // namespace ocisync
