#pragma once

#include <deque>
#include <filesystem>
#include <functional>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <thread>

#include "base/handle.h"
#include "base/log.h"

namespace ocisync {

// Notices when the content of files changes, however that is done: written in place, renamed over,
// removed, or a whole folder swapped by its `..data` link, as Kubernetes does. inotify on the
// folders says when to look; every few seconds it looks anyway, for volumes that do not tell. What
// was touched but says the same is no change. One thread of its own, on which all calls are made.
class Triggers {
 public:
  using Paths = std::set<std::filesystem::path>;

  explicit Triggers(Log& log);
  ~Triggers();

  // Once. `changed` gets those of the watched paths that changed. Of a folder, its files count.
  void start(std::function<void(const Paths&)> changed);

  // From any thread: done on our own, in order.
  void call(std::function<void()> act);

  // Instead of what was watched before. What stands now is what changes are measured by, except
  // for paths that were watched already. From our own thread, or before the start.
  void watch(const Paths& paths);

 private:
  // What tells a file from a changed one: first cheaply, then for sure.
  struct Seen {
    std::string stamp;
    std::string content;
  };

  void run(const std::stop_token& stop);
  bool wait(int milliseconds);
  bool take_events();
  void make_calls();
  void check();
  bool look(const std::filesystem::path& path, Seen& seen) const;
  void watch_folder(const std::filesystem::path& folder);
  void warn_once(int code);

  std::function<void(const Paths&)> changed_;
  Log& log_;
  Fd inotify_;  // none where there is no inotify
  Fd wake_;
  bool warned_ = false;
  std::map<std::filesystem::path, Seen> watched_;
  std::map<std::filesystem::path, int> folders_;  // watch descriptors
  std::mutex mutex_;                              // of the calls
  std::deque<std::function<void()>> calls_;
  std::jthread thread_;
};

}  // namespace ocisync
